namespace NodeAgent.Images.Layers;

/// <summary>
/// A layer that cannot be unpacked: broken archive, forbidden entry, or a step that the kernel refused.
/// The message names entry and step: <c>entry 'usr/bin/x': mknodat: EPERM …</c>.
/// </summary>
public sealed class LayerException(string message, Exception? inner = null) : Exception(message, inner);
