namespace NodeAgent.Pods.Hooks;

/// <summary>A lifecycle hook that failed; the message says how.</summary>
public sealed class HookException(string message, Exception? inner = null) : Exception(message, inner);
