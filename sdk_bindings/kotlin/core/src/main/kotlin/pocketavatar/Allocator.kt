package pocketavatar

import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.DoubleBuffer
import java.nio.FloatBuffer

/**
 * Where the studio's memory for selfies, and for what is computed from them, comes from. All of it
 * is made 0 when a run ends, fails or is cancelled; pass your own to look.
 */
public interface Allocator {
    /** [count] bytes of 0 in a direct buffer of the machine's byte order. */
    public fun direct(count: Int): ByteBuffer = ByteBuffer.allocateDirect(count).order(ByteOrder.nativeOrder())

    /** [count] numbers of 0. */
    public fun ints(count: Int): IntArray = IntArray(count)

    /** Memory as the platform gives it. */
    public companion object Default : Allocator
}

/** Every buffer of one run; [close] makes them all 0. */
internal class Buffers(
    private val allocator: Allocator,
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

/** Elements [from] until `from + count`, the same memory. */
internal fun FloatBuffer.part(from: Int, count: Int): FloatBuffer {
    val part = duplicate()
    part.position(from)
    part.limit(from + count)
    return part.slice()
}
