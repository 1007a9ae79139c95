using System.Diagnostics;
using System.Globalization;
using Xunit;

namespace NodeAgent.UnitTests.Shim;

/// <summary>Asks the C headers of this machine for numbers.</summary>
internal static class CCompiler
{
    private const string Gcc = "/usr/bin/gcc";

    /// <summary>The value of each C expression, null for those guarded by a macro that the headers do not know.</summary>
    /// <param name="headers">In order, without brackets; an entry that starts with # is taken as it is.</param>
    /// <param name="expressions">A name of one's own, the expression, and a macro that must be defined, or null.</param>
    public static Dictionary<string, long?> Evaluate(IEnumerable<string> headers, IEnumerable<(string Name, string Expression, string? Macro)> expressions)
    {
        Assert.SkipUnless(File.Exists(Gcc), $"needs {Gcc}");
        (string Name, string Expression, string? Macro)[] all = [.. expressions];
        string folder = Directory.CreateTempSubdirectory("podagent-abi-").FullName;
        try
        {
            string source = Path.Combine(folder, "ask.c");
            string program = Path.Combine(folder, "ask");
            File.WriteAllText(source, Source(headers, all));
            Run(Gcc, "-w", "-o", program, source);
            Dictionary<string, long?> values = all.ToDictionary(entry => entry.Name, _ => (long?)null, StringComparer.Ordinal);
            foreach (string line in Run(program).Split('\n', StringSplitOptions.RemoveEmptyEntries))
            {
                int space = line.LastIndexOf(' ');
                values[line[..space]] = long.Parse(line[(space + 1)..], CultureInfo.InvariantCulture);
            }

            return values;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string Source(IEnumerable<string> headers, IEnumerable<(string Name, string Expression, string? Macro)> expressions)
    {
        List<string> lines = ["#define _GNU_SOURCE"];
        lines.AddRange(headers.Select(header => header.StartsWith('#') ? header : $"#include <{header}>"));
        lines.Add("#include <stdio.h>\n#include <stddef.h>\nint main(void) {");
        foreach ((string name, string expression, string? macro) in expressions)
        {
            string print = $"printf(\"{name} %lld\\n\", (long long)({expression}));";
            lines.Add(macro is null ? print : $"#ifdef {macro}\n{print}\n#endif");
        }

        lines.Add("return 0; }");
        return string.Join('\n', lines);
    }

    private static string Run(string program, params string[] arguments)
    {
        ProcessStartInfo start = new(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program}: {errors.GetAwaiter().GetResult()}");
        return output;
    }
}
