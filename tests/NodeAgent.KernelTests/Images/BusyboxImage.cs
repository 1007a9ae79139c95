using NodeAgent.Testing.Images;
using Xunit;

namespace NodeAgent.KernelTests.Images;

/// <summary>An image made by Debian's umoci from Debian's busybox-static, in the forms that people have.</summary>
internal static class BusyboxImage
{
    public const string Tag = "latest";

    public static void Require() => Assert.SkipUnless(
        Environment.UserName == "root" && Tool.Exists("umoci") && Tool.Exists("skopeo") && File.Exists("/bin/busybox"),
        "needs root, umoci, skopeo and busybox-static");

    /// <summary>An OCI layout with one image of two layers, tagged but not named.</summary>
    public static string MakeLayout(TemporaryFolder folder, string name = "layout")
    {
        string layout = folder[name];
        string bundle = folder[name + "-bundle"];
        Tool.Shell($"""
            umoci init --layout {layout}
            umoci new --image {layout}:{Tag}
            umoci unpack --image {layout}:{Tag} {bundle} 2>/dev/null
            mkdir -p {bundle}/rootfs/bin {bundle}/rootfs/etc {bundle}/rootfs/tmp
            chmod 1777 {bundle}/rootfs/tmp
            cp /bin/busybox {bundle}/rootfs/bin/busybox
            for a in sh ls cat sleep echo; do ln {bundle}/rootfs/bin/busybox {bundle}/rootfs/bin/$a; done
            printf 'root:x:0:0:root:/root:/bin/sh\nweb:x:1000:1000::/home/web:/bin/sh\n' > {bundle}/rootfs/etc/passwd
            echo one > {bundle}/rootfs/etc/gone
            umoci repack --image {layout}:{Tag} {bundle} 2>/dev/null
            rm -rf {bundle}
            umoci unpack --image {layout}:{Tag} {bundle} 2>/dev/null
            rm {bundle}/rootfs/etc/gone
            echo two > {bundle}/rootfs/etc/added
            umoci repack --image {layout}:{Tag} {bundle} 2>/dev/null
            umoci config --image {layout}:{Tag} --config.entrypoint /bin/sh --config.cmd -c --config.cmd 'echo hello' --config.env A=b --config.workingdir /tmp --config.user web --config.volume /data
            umoci gc --layout {layout}
            rm -rf {bundle}
            """);
        return layout;
    }
}
