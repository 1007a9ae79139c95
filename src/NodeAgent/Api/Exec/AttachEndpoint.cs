using Microsoft.AspNetCore.Http;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;

namespace NodeAgent.Api.Exec;

/// <summary>
/// <c>…/pods/{name}/attach?container=…&amp;stdin&amp;stdout&amp;stderr&amp;tty</c> over WebSocket, as exec. It ends with the container, whose exit code comes as exec's does;
/// a client that goes leaves the container running. Whether there is a terminal is the container's affair.
/// </summary>
internal sealed class AttachEndpoint(IPodRuntime runtime)
{
    public async Task ConnectAsync(HttpContext context, Pod pod, CancellationToken cancellationToken)
    {
        HttpRequest request = context.Request;
        PodContainer container = PodContainer.Find(pod, request.Query["container"]);
        var wanted = new AttachRequest(
            new ContainerId(container.RunningId()), ListQuery.Flag(request, "stdin"), ListQuery.Flag(request, "stdout"), ListQuery.Flag(request, "stderr"));
        if (!wanted.Stdin && !wanted.Stdout && !wanted.Stderr) throw ApiException.BadRequest("attach: you must specify at least 1 of stdin, stdout, stderr");
        string protocol = ChannelSocket.Negotiate(context, "attach");
        using var socket = new ChannelSocket(await ChannelSocket.UpgradeAsync(context, protocol).ConfigureAwait(false));
        IExecSession session;
        try
        {
            session = await runtime.AttachAsync(wanted, cancellationToken).ConfigureAwait(false);
        }
        catch (PodRuntimeException error)
        {
            // From here on only the error channel reaches whoever waits.
            await ExecConnection.RefuseAsync(socket, error.Message, cancellationToken).ConfigureAwait(false);
            return;
        }
        await using (session.ConfigureAwait(false))
            await new ExecConnection(socket, session).RunAsync(cancellationToken).ConfigureAwait(false);
    }
}
