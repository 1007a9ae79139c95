using Microsoft.Win32.SafeHandles;
using NodeAgent.Linux;
using NodeAgent.Linux.Shim;
using NodeAgent.Shim;

namespace NodeAgent.Runtime.ShimClient;

/// <summary>The descriptors that go with a request. The program names its own by index, so those come first.</summary>
internal sealed class ShimPassedFds(IReadOnlyList<SafeFileHandle> programFds) : IDisposable
{
    private readonly List<SafeFileHandle> _list = [.. programFds];
    private SafeFileHandle? _program;

    public IReadOnlyList<SafeFileHandle> List => _list;

    /// <returns>Its index, or <see cref="ShimAbi.NoFd"/> for null.</returns>
    public int Add(SafeFileHandle? fd)
    {
        if (fd is null)
            return ShimAbi.NoFd;
        _list.Add(fd);
        if (_list.Count > ShimAbi.MaxFds)
            throw new InvalidOperationException($"more than {ShimAbi.MaxFds} descriptors for one request");
        return _list.Count - 1;
    }

    /// <summary>Puts a program into a sealed memory file, whose own life ends with this object.</summary>
    public int AddProgram(SyscallProgram program, string name)
    {
        if (program.FdCount > _list.Count)
            throw new ArgumentException($"the program names {program.FdCount} descriptors, {_list.Count} are given", nameof(program));
        _program = Memfd.Sealed($"program of {name}", program.Bytes);
        return Add(_program);
    }

    public void Dispose() => _program?.Dispose();
}
