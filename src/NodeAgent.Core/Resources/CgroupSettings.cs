namespace NodeAgent.Core.Resources;

/// <summary>The kubelet's <c>memorySwap.swapBehavior</c>: how much of the node's swap containers may use.</summary>
public enum SwapBehavior
{
    /// <summary>None.</summary>
    NoSwap,

    /// <summary>Containers of Burstable pods in proportion to the memory they ask for; everybody else none.</summary>
    LimitedSwap,
}

/// <summary>What the node's configuration and hardware contribute to the values of every cgroup.</summary>
public sealed record CgroupSettings
{
    /// <summary>Processes and threads a pod may have; null for no limit.</summary>
    public long? PodPidsLimit { get; init; }

    /// <summary>An out-of-memory kill takes one process of a container instead of all.</summary>
    public bool SingleProcessOomKill { get; init; }

    public SwapBehavior Swap { get; init; } = SwapBehavior.NoSwap;

    /// <summary>Above 0, at most 1: where between request and limit a container is throttled (<c>memory.high</c>). Null: nowhere.</summary>
    public double? MemoryThrottlingFactor { get; init; }

    /// <summary>Bytes of memory of the node.</summary>
    public long MemoryBytes { get; init; }

    /// <summary>Bytes of memory that pods may have together: the limit of who has none, when it comes to throttling.</summary>
    public long AllocatableMemoryBytes { get; init; }

    /// <summary>Bytes of swap of the node.</summary>
    public long SwapBytes { get; init; }

    /// <summary>Bytes of each size of huge pages that the node has.</summary>
    public IReadOnlyList<long> HugePageSizes { get; init; } = [];

    /// <summary>Bytes.</summary>
    public int PageSize { get; init; } = 4096;
}
