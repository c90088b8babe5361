package pocketavatar

import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.FloatBuffer
import java.nio.IntBuffer

/** The type of the elements of a tensor. */
public enum class ElementType {
    /** A 32-bit floating-point number (IEEE 754). */
    FLOAT32,

    /** A 32-bit signed integer. */
    INT32,
}

/**
 * A tensor in row-major order: an input or output of a [Runner].
 *
 * The studio owns its memory and sets it to 0 after the run, so a runner must keep no reference to it.
 */
public class Tensor(
    /** The name, shape and type. */
    public val spec: TensorSpec,
    /** The elements, four bytes each, in a direct buffer of the machine's byte order. */
    bytes: ByteBuffer,
) {
    init {
        require(bytes.capacity() == spec.count * ELEMENT_BYTES) { "$spec in ${bytes.capacity()} bytes" }
        require(bytes.isDirect && bytes.order() == ByteOrder.nativeOrder()) { "expected direct, native" }
    }

    /** The elements of a [ElementType.FLOAT32] tensor, at position 0. */
    public val floats: FloatBuffer = bytes.asFloatBuffer()

    /** The elements of an [ElementType.INT32] tensor, at position 0. */
    public val ints: IntBuffer = bytes.asIntBuffer()

    internal companion object {
        const val ELEMENT_BYTES: Int = 4
    }
}
