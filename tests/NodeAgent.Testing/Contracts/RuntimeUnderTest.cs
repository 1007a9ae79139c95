using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;

namespace NodeAgent.Testing.Contracts;

/// <summary>What the programs of the contract do; each implementation says how a container is told to do it.</summary>
public abstract record ContractProgram
{
    private ContractProgram()
    {
    }

    /// <summary>Runs until the stop signal, then exits at once with 0.</summary>
    public sealed record HeedsStop : ContractProgram;

    /// <summary>Runs until it is killed.</summary>
    public sealed record IgnoresStop : ContractProgram;

    /// <summary>Exits by itself at once.</summary>
    public sealed record Exits(int Code) : ContractProgram;

    /// <summary>Names an executable that is not there.</summary>
    public sealed record Missing : ContractProgram;
}

/// <summary>One runtime with a node of its own to work on; disposing it removes whatever is left there.</summary>
public abstract class RuntimeUnderTest : IAsyncDisposable
{
    public abstract IPodRuntime Runtime { get; }

    /// <summary>Whether this node has the memory controller, so that limits are set and use is known.</summary>
    public abstract bool EnforcesMemory { get; }

    /// <summary>The image that every container of the contract is made from.</summary>
    public abstract ImageRecord Image { get; }

    /// <summary>A container that runs this program, with its name set.</summary>
    public abstract Container Container(string name, ContractProgram program);

    /// <summary>A writable root filesystem for one run.</summary>
    public abstract Task<Mount> RootfsAsync(ContainerId id);

    /// <summary>Lets go of the runtime as a crash of the agent would, and gives another one over the same node, recovered.</summary>
    public abstract Task<IPodRuntime> RestartAgentAsync();

    /// <summary>Lets time pass on the implementation's clock while something is waited for. On a real clock it passes by itself.</summary>
    public virtual void LetTimePass(TimeSpan by)
    {
    }

    public abstract ValueTask DisposeAsync();
}
