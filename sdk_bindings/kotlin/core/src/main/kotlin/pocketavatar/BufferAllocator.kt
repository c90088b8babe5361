package pocketavatar

import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.DoubleBuffer
import java.nio.FloatBuffer

/**
 * Provides the memory that holds selfies and what is computed from them.
 *
 * The library sets all of it to 0 when a run ends, fails or is cancelled. A test can pass its own
 * allocator and so verify that nothing of a selfie remains.
 */
public interface BufferAllocator {
    /** Returns a direct buffer of [count] bytes that are 0, in the machine's byte order. */
    public fun direct(count: Int): ByteBuffer = ByteBuffer.allocateDirect(count).order(ByteOrder.nativeOrder())

    /** Returns an array of [count] zeros. */
    public fun ints(count: Int): IntArray = IntArray(count)
}

/** Allocates memory from the platform. It is the default of [StudioOptions]. */
public object SystemAllocator : BufferAllocator

/** Holds every buffer of one run. [close] sets them all to 0. */
internal class Buffers(
    private val allocator: BufferAllocator,
) : AutoCloseable {
    private val direct = ArrayList<ByteBuffer>()
    private val ints = ArrayList<IntArray>()

    fun floats(count: Int): FloatBuffer = bytes(count * 4).asFloatBuffer()

    fun doubles(count: Int): DoubleBuffer = bytes(count * 8).asDoubleBuffer()

    fun ints(count: Int): IntArray = allocator.ints(count).also(ints::add)

    fun tensor(spec: TensorSpec): Tensor = Tensor(spec, bytes(spec.count * Tensor.ELEMENT_BYTES))

    override fun close() {
        direct.forEach(ByteBuffer::zero)
        ints.forEach { it.fill(0) }
        direct.clear()
        ints.clear()
    }

    private fun bytes(count: Int): ByteBuffer = allocator.direct(count).also(direct::add)
}

internal fun ByteBuffer.zero() {
    for (i in 0 until capacity()) put(i, 0)
}

internal fun FloatBuffer.zero() {
    for (i in 0 until capacity()) put(i, 0f)
}

internal fun FloatBuffer.copyFrom(other: FloatBuffer) {
    duplicate().put(other.duplicate())
}

/** Returns the elements [from] until `from + count`. It shares the memory. */
internal fun FloatBuffer.part(from: Int, count: Int): FloatBuffer {
    val part = duplicate()
    part.position(from)
    part.limit(from + count)
    return part.slice()
}
