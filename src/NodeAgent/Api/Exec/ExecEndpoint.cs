using Microsoft.AspNetCore.Http;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;

namespace NodeAgent.Api.Exec;

/// <summary><c>…/pods/{name}/exec?command=…&amp;container=…&amp;stdin&amp;stdout&amp;stderr&amp;tty</c> over WebSocket, as kubectl since 1.29 speaks it.</summary>
internal sealed class ExecEndpoint(IPodRuntime runtime)
{
    public async Task ConnectAsync(HttpContext context, Pod pod, CancellationToken cancellationToken)
    {
        HttpRequest request = context.Request;
        string[] command = [.. request.Query["command"].Select(part => part ?? "")];
        if (command.Length == 0) throw ApiException.BadRequest("no command was given to run in the container");
        PodContainer container = PodContainer.Find(pod, request.Query["container"]);
        var id = new ContainerId(container.RunningId());
        string protocol = ChannelSocket.Negotiate(context, "exec");
        var wanted = new ExecRequest(id, command, ListQuery.Flag(request, "tty"), ListQuery.Flag(request, "stdin"));
        using var socket = new ChannelSocket(await ChannelSocket.UpgradeAsync(context, protocol).ConfigureAwait(false));
        IExecSession session;
        try
        {
            session = await runtime.ExecAsync(wanted, cancellationToken).ConfigureAwait(false);
        }
        catch (PodRuntimeException error)
        {
            // From here on only the error channel reaches whoever waits for the command.
            await ExecConnection.RefuseAsync(socket, error.Message, cancellationToken).ConfigureAwait(false);
            return;
        }
        await using (session.ConfigureAwait(false))
        {
            await new ExecConnection(socket, session).RunAsync(cancellationToken).ConfigureAwait(false);
        }
    }
}
