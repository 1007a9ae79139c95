using System.Diagnostics;
using System.Globalization;
using System.Text;
using NodeAgent.Core.Cri;
using NodeAgent.Images.References;
using NodeAgent.Testing.Registry;
using Xunit;

namespace NodeAgent.KernelTests.Registry;

/// <summary>Connections that break, registries that are busy, and registries that lie.</summary>
public sealed class RegistryFaultTests : IAsyncLifetime
{
    private RegistryServer? _registry;
    private FaultyProxy? _proxy;
    private PullStore? _store;
    private BuiltImage? _image;

    private RegistryServer Registry => _registry!;

    private FaultyProxy Proxy => _proxy!;

    private PullStore Store => _store!;

    private string Reference => $"{Proxy.Host}/test/busybox:1";

    public async ValueTask InitializeAsync()
    {
        _registry = await RegistryImages.ServeAsync();
        _proxy = await FaultyProxy.StartAsync(_registry.Url);
        _store = await PullStore.OpenAsync();
        _image = await BuiltImage.GetAsync("busybox");
    }

    public async ValueTask DisposeAsync()
    {
        if (_store is not null)
            await _store.DisposeAsync();
        if (_proxy is not null)
            await _proxy.DisposeAsync();
        if (_registry is not null)
            await _registry.DisposeAsync();
    }

    private async Task AssertPulledAsync()
    {
        ImageRecord image = await Store.PullAsync(Reference);
        Assert.Equal(_image!.Listing, await Store.TreeAsync(image));
        Store.AssertVerifies();
    }

    /// <summary>The largest blob: busybox itself.</summary>
    private (string Digest, long Size) Largest()
    {
        FileInfo blob = new DirectoryInfo(_image!.Layout + "/blobs/sha256").EnumerateFiles().OrderByDescending(file => file.Length).First();
        return ("sha256:" + blob.Name, blob.Length);
    }

    private bool IsLargest(ProxiedRequest request) => request.IsBlob && request.Path.EndsWith(Largest().Digest, StringComparison.Ordinal);

    private static long OffsetOf(string? range)
    {
        Assert.NotNull(range);
        Assert.StartsWith("bytes=", range, StringComparison.Ordinal);
        Assert.EndsWith("-", range, StringComparison.Ordinal);
        return long.Parse(range["bytes=".Length..^1], CultureInfo.InvariantCulture);
    }

    [Fact]
    public async Task A_blob_that_was_cut_at_half_is_asked_for_from_there_on()
    {
        Proxy.Decide = request => IsLargest(request) && request.Attempt == 1 ? new Fault.Cut(0.5) : null;

        await AssertPulledAsync();

        ProxiedRequest[] asked = [.. Proxy.Requests.Where(IsLargest)];
        Assert.Equal(2, asked.Length);
        Assert.Null(asked[0].Range);
        long offset = OffsetOf(asked[1].Range);
        Assert.InRange(offset, 1, Largest().Size / 2);
        RegistryRequest resumed = Assert.Single(await Registry.StopAsync(), request => request.Blob == Largest().Digest && request.Status == 206);
        Assert.Equal(Largest().Size - offset, resumed.Bytes);
    }

    [Fact]
    public async Task A_blob_that_is_cut_again_and_again_arrives_as_long_as_each_try_brings_more()
    {
        Proxy.Decide = request => IsLargest(request) && request.Attempt <= 4 ? new Fault.Cut(0.5) : null;

        await AssertPulledAsync();

        long[] offsets = [.. Proxy.Requests.Where(IsLargest).Skip(1).Select(request => OffsetOf(request.Range))];
        Assert.Equal(4, offsets.Length);
        Assert.Equal(offsets.Distinct().Order(), offsets);
    }

    [Fact]
    public async Task A_server_that_knows_no_ranges_sends_the_blob_again_from_the_start()
    {
        Proxy.Decide = request => !IsLargest(request) ? null : request.Attempt == 1 ? new Fault.Cut(0.5) : new Fault.IgnoreRange();

        await AssertPulledAsync();

        Assert.Equal(2, Proxy.Requests.Count(IsLargest));
    }

    [Fact]
    public async Task Connections_that_are_dropped_before_an_answer_are_made_again()
    {
        Proxy.Decide = request => request.Attempt == 1 ? new Fault.Drop() : null;

        await AssertPulledAsync();
    }

    [Theory]
    [InlineData(429, "1")]
    [InlineData(503, "1")]
    public async Task A_busy_registry_is_asked_again_when_it_said(int status, string after)
    {
        bool refused = false;
        long refusedAt = 0, askedAgainAt = 0;
        Proxy.Decide = request =>
        {
            if (!IsLargest(request))
                return null;
            if (refused)
            {
                askedAgainAt = askedAgainAt == 0 ? Stopwatch.GetTimestamp() : askedAgainAt;
                return null;
            }
            refused = true;
            refusedAt = Stopwatch.GetTimestamp();
            return new Fault.Refuse(status, after);
        };

        await AssertPulledAsync();

        Assert.InRange(Stopwatch.GetElapsedTime(refusedAt, askedAgainAt).TotalSeconds, 0.95, 5);
    }

    [Theory]
    [InlineData(429)]
    [InlineData(500)]
    [InlineData(502)]
    [InlineData(503)]
    public async Task A_registry_that_is_busy_for_a_moment_is_asked_again(int status)
    {
        Proxy.Decide = request => request.Attempt == 1 ? new Fault.Refuse(status) : null;

        await AssertPulledAsync();
    }

    [Fact]
    public async Task A_registry_that_stays_out_of_order_is_unavailable()
    {
        Proxy.Decide = _ => new Fault.Refuse(503, "0");

        ImageException failed = await Store.PullFailsAsync(Reference);

        Assert.Equal(ImageFailure.RegistryUnavailable, failed.Failure);
        Assert.Contains("503", failed.Message, StringComparison.Ordinal);
        await Store.AssertEmptyAsync();
    }

    [Fact]
    public async Task A_blob_that_is_not_what_its_digest_says_is_refused_by_both_names_and_nothing_stays()
    {
        (string digest, _) = Largest();
        byte[] content = await File.ReadAllBytesAsync($"{_image!.Layout}/blobs/{digest.Replace(':', '/')}", TestContext.Current.CancellationToken);
        content[content.Length / 2] ^= 1;
        Proxy.Decide = request => IsLargest(request) ? new Fault.Lie() : null;

        ImageException refused = await Store.PullFailsAsync(Reference);

        Assert.Equal(ImageFailure.ErrImagePull, refused.Failure);
        Assert.Contains(digest, refused.Message, StringComparison.Ordinal);
        Assert.Contains(Digest.OfSha256(content).ToString(), refused.Message, StringComparison.Ordinal);
        await Store.AssertEmptyAsync();
        await Store.Images.WaitForDeletionsAsync(CancellationToken.None);

        Proxy.Decide = _ => null;
        await AssertPulledAsync();
    }

    [Fact]
    public async Task A_manifest_that_is_not_what_its_digest_says_is_refused_by_both_names()
    {
        byte[] manifest = await File.ReadAllBytesAsync(KernelTests.Images.LayoutFile.Manifest(_image!.Layout), TestContext.Current.CancellationToken);
        byte[] other = [.. manifest, (byte)'\n'];
        Proxy.Decide = request => request.IsManifest ? new Fault.Replace(other) : null;

        ImageException refused = await Store.PullFailsAsync($"{Proxy.Host}/test/busybox@{Digest.OfSha256(manifest)}");

        Assert.Equal(ImageFailure.ErrImagePull, refused.Failure);
        Assert.Contains(Digest.OfSha256(manifest).ToString(), refused.Message, StringComparison.Ordinal);
        Assert.Contains(Digest.OfSha256(other).ToString(), refused.Message, StringComparison.Ordinal);
        await Store.AssertEmptyAsync();
    }

    [Fact]
    public async Task A_configuration_that_is_not_what_its_digest_says_is_refused()
    {
        Proxy.Decide = request => request.IsBlob && !IsLayer(request) ? new Fault.Lie() : null;

        ImageException refused = await Store.PullFailsAsync(Reference);

        Assert.Equal(ImageFailure.ErrImagePull, refused.Failure);
        await Store.AssertEmptyAsync();
    }

    /// <summary>Layers are packed, configurations are JSON.</summary>
    private bool IsLayer(ProxiedRequest request)
    {
        using FileStream blob = File.OpenRead($"{_image!.Layout}/blobs/sha256/{request.Path[^64..]}");
        return blob.ReadByte() != '{';
    }

    [Fact]
    public async Task A_blob_that_is_longer_than_announced_is_refused()
    {
        (string digest, long size) = Largest();
        byte[] content = await File.ReadAllBytesAsync($"{_image!.Layout}/blobs/{digest.Replace(':', '/')}", TestContext.Current.CancellationToken);
        Proxy.Decide = request => IsLargest(request) ? new Fault.Replace([.. content, .. new byte[size]]) : null;

        ImageException refused = await Store.PullFailsAsync(Reference);

        Assert.Equal(ImageFailure.ErrImagePull, refused.Failure);
        Assert.Contains(digest, refused.Message, StringComparison.Ordinal);
        await Store.AssertEmptyAsync();
    }

    [Fact]
    public async Task What_is_no_manifest_is_refused()
    {
        Proxy.Decide = request => request.IsManifest ? new Fault.Replace(Encoding.UTF8.GetBytes("<html>Please log in to the hotel's network</html>")) : null;

        ImageException refused = await Store.PullFailsAsync(Reference);

        Assert.Equal(ImageFailure.ErrImagePull, refused.Failure);
        await Store.AssertEmptyAsync();
    }

    [Fact]
    public async Task An_image_or_a_tag_that_the_registry_does_not_have_is_named()
    {
        ImageException noTag = await Store.PullFailsAsync($"{Registry.Host}/test/busybox:none");
        ImageException noRepository = await Store.PullFailsAsync($"{Registry.Host}/test/nothing");

        Assert.Equal((ImageFailure.ErrImagePull, ImageFailure.ErrImagePull), (noTag.Failure, noRepository.Failure));
        Assert.Contains($"{Registry.Host}/test/busybox:none", noTag.Message, StringComparison.Ordinal);
        Assert.Contains($"{Registry.Host}/test/nothing:latest", noRepository.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_registry_where_nobody_listens_is_unavailable()
    {
        ImageException failed = await Store.PullFailsAsync($"127.0.0.1:{RegistryImages.DeadPort()}/test/busybox:1");

        Assert.Equal(ImageFailure.RegistryUnavailable, failed.Failure);
    }

    [Fact]
    public async Task A_pull_that_is_cancelled_ends_at_once_and_leaves_nothing()
    {
        using CancellationTokenSource cancel = new();
        TaskCompletionSource asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
        TaskCompletionSource never = new();
        Proxy.Decide = request =>
        {
            if (!IsLargest(request))
                return null;
            asked.TrySetResult();
            return new Fault.Hold(never.Task);
        };

        Task<ImageRecord> pull = Store.Images.PullImageAsync(Reference, cancel.Token);
        await asked.Task;
        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => pull);
        Assert.Empty(await Store.Images.ListImagesAsync(CancellationToken.None));
        Proxy.Decide = _ => null;
        await AssertPulledAsync();
    }
}
