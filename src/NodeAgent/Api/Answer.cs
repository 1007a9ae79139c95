using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;
using NodeAgent.Core.Model;

namespace NodeAgent.Api;

/// <summary>Whole answers: one JSON document or one text.</summary>
internal static class Answer
{
    public static async Task JsonAsync<T>(HttpContext context, T value, JsonTypeInfo<T> contract, CancellationToken cancellationToken, int code = 200)
    {
        byte[] body = JsonSerializer.SerializeToUtf8Bytes(value, contract);
        await JsonAsync(context, body, cancellationToken, code).ConfigureAwait(false);
    }

    public static async Task JsonAsync(HttpContext context, ReadOnlyMemory<byte> body, CancellationToken cancellationToken, int code = 200)
    {
        context.Response.StatusCode = code;
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = body.Length;
        await context.Response.BodyWriter.WriteAsync(body, cancellationToken).ConfigureAwait(false);
    }

    public static Task StatusAsync(HttpContext context, Status status, CancellationToken cancellationToken) =>
        JsonAsync(context, status, KubernetesJson.Wire.Status, cancellationToken, status.Code ?? 200);

    public static async Task TextAsync(HttpContext context, string text, CancellationToken cancellationToken, int code = 200)
    {
        byte[] body = Encoding.UTF8.GetBytes(text);
        context.Response.StatusCode = code;
        context.Response.ContentType = "text/plain; charset=utf-8";
        context.Response.ContentLength = body.Length;
        await context.Response.BodyWriter.WriteAsync(body, cancellationToken).ConfigureAwait(false);
    }
}
