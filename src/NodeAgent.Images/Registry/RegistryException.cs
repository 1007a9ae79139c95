using System.Net;
using NodeAgent.Core.Cri;

namespace NodeAgent.Images.Registry;

/// <summary>An endpoint did not give what was asked for. The message names the address, the step and the cause.</summary>
/// <param name="Unavailable">It could not be reached, or says that it cannot answer now: asking again later may help.</param>
internal sealed class RegistryException(string message, bool unavailable, HttpStatusCode? status = null, Exception? inner = null) : Exception(message, inner)
{
    public bool Unavailable { get; } = unavailable;
    public HttpStatusCode? Status { get; } = status;

    public ImageFailure Failure => Unavailable ? ImageFailure.RegistryUnavailable : ImageFailure.ErrImagePull;
}
