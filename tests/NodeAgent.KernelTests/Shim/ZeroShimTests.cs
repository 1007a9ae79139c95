namespace NodeAgent.KernelTests.Shim;

public sealed class ZeroShimStartTests() : ShimStartContract(new ZeroShim());

public sealed class ZeroShimExitTests() : ShimExitContract(new ZeroShim());

public sealed class ZeroShimLogTests() : ShimLogContract(new ZeroShim());

public sealed class ZeroShimProtocolTests() : ShimProtocolContract(new ZeroShim());
