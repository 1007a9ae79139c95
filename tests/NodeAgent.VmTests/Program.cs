using NodeAgent.VmTests.Machine;
using Xunit.Runner.InProc.SystemConsole;

return args is ["shell", ..] ? await MachineShell.RunAsync(args[1..]) : await ConsoleRunner.Run(args);
