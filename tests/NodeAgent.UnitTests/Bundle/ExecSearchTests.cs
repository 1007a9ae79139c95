using NodeAgent.Linux.Shim;
using NodeAgent.Runtime.Bundle;
using Xunit;
using Errno = NodeAgent.Linux.Errno;

namespace NodeAgent.UnitTests.Bundle;

public sealed class ExecSearchTests
{
    [Theory]
    [InlineData("/bin/sh", "PATH=/usr/bin", "/bin/sh")]
    [InlineData("./run", "PATH=/usr/bin", "./run")]
    [InlineData("sh", "PATH=/usr/bin:/bin", "/usr/bin/sh /bin/sh")]
    [InlineData("sh", "PATH=/usr/bin/::/bin", "/usr/bin/sh /bin/sh")]
    [InlineData("sh", "PATH=", "/sh")]
    [InlineData("sh", "NOPATH=1", "/usr/local/sbin/sh /usr/local/bin/sh /usr/sbin/sh /usr/bin/sh /sbin/sh /bin/sh")]
    public void A_command_without_a_slash_is_looked_for_in_PATH(string command, string env, string expected) =>
        Assert.Equal(expected.Split(' '), ExecSearch.Candidates(command, [env]));

    [Theory]
    [InlineData("foo", Errno.ENOENT, "exec: \"foo\": executable file not found in $PATH")]
    [InlineData("/foo", Errno.ENOENT, "exec: \"/foo\": no such file or directory (or its interpreter is missing)")]
    [InlineData("/foo", Errno.EACCES, "exec: \"/foo\": permission denied")]
    [InlineData("/foo", Errno.ENOEXEC, "exec: \"/foo\": exec format error: not a program for this machine, or a script without #!")]
    [InlineData("/foo", Errno.ETXTBSY, "exec: \"/foo\": ETXTBSY")]
    public void A_failed_execve_names_the_command(string command, int errno, string expected)
    {
        SyscallProgram program = ContainerProgram.Build(Specs.Running(command));
        Assert.Equal(expected, ExecSearch.Describe(program, command, program.OpNames.Count - 1, errno, []));
    }

    [Fact]
    public void A_file_that_may_not_be_run_is_told_rather_than_the_directories_without_one()
    {
        SyscallProgram program = ContainerProgram.Build(Specs.Running("foo"));
        int last = program.OpNames.Count - 1;
        Assert.Equal("exec: \"foo\": permission denied", ExecSearch.Describe(program, "foo", last, Errno.ENOENT, [(last - 1, Errno.EACCES)]));
        Assert.Equal("exec: \"foo\": executable file not found in $PATH", ExecSearch.Describe(program, "foo", last, Errno.ENOENT, [(0, Errno.EACCES), (last - 1, Errno.ENOENT)]));
    }

    [Fact]
    public void A_step_before_it_is_told_as_it_is_called()
    {
        SyscallProgram program = ContainerProgram.Build(Specs.Running("foo"));
        int proc = program.OpNames.ToList().IndexOf("mount proc on /proc");
        Assert.Equal("mount proc on /proc: EPERM", ExecSearch.Describe(program, "foo", proc, Errno.EPERM, []));
    }
}
