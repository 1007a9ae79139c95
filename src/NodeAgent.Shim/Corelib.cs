#if ZERO
// What the compiler demands of a base class library, and nothing more: no garbage collector, no strings, no exceptions stand
// behind these types. Whatever else the sources of the shim use fails at link time with an undefined symbol.
#pragma warning disable CA1050, CA1812, IDE0060
using System.Runtime;
using System.Runtime.CompilerServices;

namespace System
{
    public class Object
    {
#pragma warning disable CS0169, IDE0044, IDE0051 // the method table pointer, which ILC lays out
        private nint _methodTable;
#pragma warning restore
    }

    public struct Void;

    public struct Boolean;

    public struct Char;

    public struct SByte;

    public struct Byte;

    public struct Int16;

    public struct UInt16;

    public struct Int32;

    public struct UInt32
    {
        public const uint MaxValue = 0xffffffff;
    }

    public struct Int64;

    public struct UInt64
    {
        public const ulong MaxValue = 0xffffffffffffffff;
    }

    public struct IntPtr;

    public struct UIntPtr;

    public struct Single;

    public struct Double;

    public abstract class ValueType;

    public abstract class Enum : ValueType;

    public struct Nullable<T>
        where T : struct;

    public sealed class String
    {
        public readonly int Length;
    }

    public abstract class Array;

    public abstract class Delegate;

    public abstract class MulticastDelegate : Delegate;

    public abstract class Type;

    public class Exception;

    public struct RuntimeTypeHandle;

    public struct RuntimeMethodHandle;

    public struct RuntimeFieldHandle;

    public class Attribute;

    public enum AttributeTargets
    {
        All = 0x7fff,
    }

    public sealed class AttributeUsageAttribute(AttributeTargets targets) : Attribute
    {
        public AttributeTargets ValidOn => targets;

        public bool AllowMultiple { get; set; }

        public bool Inherited { get; set; }
    }

    public sealed class FlagsAttribute : Attribute;

    public sealed class ParamArrayAttribute : Attribute;

    public readonly unsafe ref struct ReadOnlySpan<T>
    {
        private readonly void* _pointer;
        private readonly int _length;

        public ReadOnlySpan(void* pointer, int length)
        {
            _pointer = pointer;
            _length = length;
        }

        // The compiler asks for these two by name before it settles on the first.
        public ReadOnlySpan(T[] array)
        {
            _pointer = null;
            _length = 0;
        }

        public ReadOnlySpan(T[] array, int start, int length)
        {
            _pointer = null;
            _length = 0;
        }

        public void* Pointer => _pointer;

        public int Length => _length;
    }
}

namespace System
{
    /// <summary>What the code generator calls for large copies and fills.</summary>
    internal static unsafe class SpanHelpers
    {
        private static void Memmove(byte* to, byte* from, nuint count) => NodeAgent.Shim.Memory.Copy(to, from, (int)count);

        private static void ClearWithoutReferences(byte* to, nuint count) => NodeAgent.Shim.Memory.Clear(to, (int)count);

        private static void Fill(byte* to, byte value, nuint count)
        {
            for (nuint i = 0; i < count; i++)
                to[i] = value;
        }
    }
}

namespace System.Reflection
{
    public sealed class DefaultMemberAttribute(string name) : Attribute
    {
        public string MemberName => name;
    }
}

namespace System.Runtime
{
    public sealed class RuntimeExportAttribute(string entry) : Attribute
    {
        public string EntryPoint => entry;
    }
}

namespace System.Runtime.InteropServices
{
    public enum LayoutKind
    {
        Sequential = 0,
        Explicit = 2,
        Auto = 3,
    }

    public sealed class StructLayoutAttribute(LayoutKind kind) : Attribute
    {
        public LayoutKind Value => kind;

        public int Pack;
        public int Size;
    }

    public sealed class DllImportAttribute(string library) : Attribute
    {
        public string Value => library;

        public string? EntryPoint;
        public bool ExactSpelling;
    }

    public sealed class InAttribute : Attribute;
}

namespace System.Runtime.CompilerServices
{
    public static class RuntimeHelpers;

    public static class RuntimeFeature
    {
        public const string UnmanagedSignatureCallingConvention = nameof(UnmanagedSignatureCallingConvention);
        public const string ByRefFields = nameof(ByRefFields);
    }

    public sealed class FixedBufferAttribute(Type elementType, int length) : Attribute
    {
        public Type ElementType => elementType;

        public int Length => length;
    }

    public sealed class UnsafeValueTypeAttribute : Attribute;

    public sealed class IsReadOnlyAttribute : Attribute;

    public sealed class IsByRefLikeAttribute : Attribute;

    public sealed class CompilerGeneratedAttribute : Attribute;

    public sealed class RefSafetyRulesAttribute(int version) : Attribute
    {
        public int Version => version;
    }
}

namespace Internal.Runtime.CompilerHelpers
{
    /// <summary>Symbols that ILC's code refers to by name.</summary>
    internal static unsafe class CompilerExports
    {
        [RuntimeExport("RhpPInvoke")]
        private static void PInvoke(void* frame)
        {
        }

        [RuntimeExport("RhpPInvokeReturn")]
        private static void PInvokeReturn(void* frame)
        {
        }

        [RuntimeExport("RhpReversePInvoke")]
        private static void ReversePInvoke(void* frame)
        {
        }

        [RuntimeExport("RhpReversePInvokeReturn")]
        private static void ReversePInvokeReturn(void* frame)
        {
        }

        [RuntimeExport("RhpFallbackFailFast")]
        private static void FallbackFailFast()
        {
            NodeAgent.Shim.Kernel.ExitGroup(134);
        }
    }

    /// <summary>Called where a range check or the like would throw.</summary>
    internal static class ThrowHelpers
    {
        private static void ThrowInvalidProgramException(int id) => NodeAgent.Shim.Kernel.ExitGroup(134);

        private static void ThrowOverflowException() => NodeAgent.Shim.Kernel.ExitGroup(134);

        private static void ThrowDivideByZeroException() => NodeAgent.Shim.Kernel.ExitGroup(134);

        private static void ThrowIndexOutOfRangeException() => NodeAgent.Shim.Kernel.ExitGroup(134);

        private static void ThrowNullReferenceException() => NodeAgent.Shim.Kernel.ExitGroup(134);
    }
}
#endif
