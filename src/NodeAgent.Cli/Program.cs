using NodeAgent.Cli;

using var io = PodctlIo.OfProcess();
return await Podctl.RunAsync(args, io).ConfigureAwait(false);
