using System.Net.Sockets;
using System.Text.Json;

namespace NodeAgent.Cli.Client;

/// <summary>The agent's API as podctl's commands use it: what goes wrong ends podctl with the line that says so.</summary>
internal sealed class AgentClient(string socket, PodctlIo io)
{
    public const string TableAccept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

    /// <summary>A document of the API, parsed. Warnings that came with it are shown.</summary>
    /// <param name="what">For the error: what was tried.</param>
    public JsonElement Get(string path, string what, string accept = "application/json")
    {
        using HttpExchange answer = Send("GET", path, what, accept);
        foreach (string warning in answer.Header("Warning")) io.Error.WriteLine("Warning: " + WarningText(warning));
        return Parse(answer, what);
    }

    public JsonElement Parse(HttpExchange answer, string what)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(answer.Body);
            return document.RootElement.Clone();
        }
        catch (JsonException error)
        {
            throw new PodctlException($"{what}: what answers at {socket} is no agent: {error.Message}", ExitCode.Failed, error);
        }
    }

    /// <summary>An answer whose body is still to be read.</summary>
    /// <exception cref="PodctlException">The agent can't be reached, or refuses: its Status message.</exception>
    public HttpExchange Send(string method, string path, string what, string accept = "application/json", Stream? content = null, params (string, string)[] headers)
    {
        HttpExchange answer;
        try
        {
            answer = HttpExchange.Send(socket, method, path, [("Accept", accept), .. headers], content);
        }
        catch (SocketException error)
        {
            throw Unreachable(error, what);
        }
        catch (IOException error) when (error is not OutputClosedException)
        {
            throw new PodctlException($"{what}: the agent at {socket} did not answer: {error.Message}", ExitCode.Failed, error);
        }
        if (answer.IsSuccess || answer.Code == 101) return answer;
        using (answer) throw Refused(answer, what);
    }

    private PodctlException Unreachable(SocketException error, string what)
    {
        string why = error.SocketErrorCode switch
        {
            SocketError.AccessDenied => "permission denied; run podctl as root",
            SocketError.ConnectionRefused => "nobody listens; start the agent with \"systemctl start podagent\"",
            _ when !File.Exists(socket) => "no such socket; start the agent with \"systemctl start podagent\", or name its socket with --socket",
            _ => error.Message,
        };
        return new PodctlException($"{what}: can't reach the agent at {socket}: {why}", ExitCode.Failed, error);
    }

    private static PodctlException Refused(HttpExchange answer, string what)
    {
        string text = answer.ReadText();
        string why = text;
        if (answer.Header("Content-Type") is ["application/json"])
        {
            using JsonDocument status = JsonDocument.Parse(text);
            if (status.RootElement.TryGetProperty("message", out JsonElement message)) why = message.GetString() ?? text;
        }
        return new PodctlException($"{what}: {why.Trim()}", answer.Code == 404 ? ExitCode.NotFound : ExitCode.Failed);
    }

    // 299 agent "text", with backslashes before quotes and backslashes: RFC 7234 §5.5.
    private static string WarningText(string header)
    {
        int open = header.IndexOf('"', StringComparison.Ordinal);
        if (open < 0) return header;
        return header[(open + 1)..].TrimEnd('"').Replace("\\\"", "\"", StringComparison.Ordinal).Replace("\\\\", "\\", StringComparison.Ordinal);
    }
}
