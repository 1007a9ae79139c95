namespace NodeAgent.Images.Registry;

/// <summary>The files that say how registries are reached; either may be missing. They are read when an image is pulled, if they have changed.</summary>
/// <param name="Registries">Path of <c>registries.yaml</c>.</param>
/// <param name="Credentials">Path of <c>auth.json</c>.</param>
public sealed record RegistryFiles(string Registries, string Credentials);
