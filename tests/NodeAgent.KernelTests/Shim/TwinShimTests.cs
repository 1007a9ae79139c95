namespace NodeAgent.KernelTests.Shim;

public sealed class TwinShimStartTests() : ShimStartContract(new TwinShim());

public sealed class TwinShimExitTests() : ShimExitContract(new TwinShim());

public sealed class TwinShimLogTests() : ShimLogContract(new TwinShim());

public sealed class TwinShimProtocolTests() : ShimProtocolContract(new TwinShim());
