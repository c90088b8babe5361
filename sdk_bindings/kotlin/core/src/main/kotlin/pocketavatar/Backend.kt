package pocketavatar

import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.FloatBuffer
import java.nio.IntBuffer

/**
 * What executes the components. [OnnxBackend] does on every platform; [FakeBackend] draws test
 * pictures without a model. A studio makes one call at a time.
 */
public fun interface Backend {
    /**
     * Loads a component.
     *
     * Whatever it throws reaches the app as [AvatarException.RuntimeFailed], an `OutOfMemoryError`
     * as [AvatarException.OutOfMemory] and an [AvatarException] as it is.
     */
    public fun load(component: Component, model: ModelReader): Network
}

/** Gives a component's model file, checked against the hash it was published with. */
public fun interface ModelReader {
    /** The whole file, in a direct buffer of the caller's own, at position 0. */
    public fun read(): ByteBuffer
}

/** A loaded component. */
public interface Network : AutoCloseable {
    /** Runs once: reads all inputs, fills all outputs. Both have exactly the component's tensors. */
    public fun run(inputs: Map<String, Tensor>, outputs: Map<String, Tensor>)

    override fun close()
}

/** A tensor in memory that the studio owns and makes 0 afterwards: keep no reference to it. */
public class Tensor(
    /** Its name, shape and type. */
    public val spec: TensorSpec,
    /** 4 bytes an element, row-major, direct, in the machine's byte order. */
    bytes: ByteBuffer,
) {
    init {
        require(bytes.capacity() == spec.count * ELEMENT_BYTES) { "$spec in ${bytes.capacity()} bytes" }
        require(bytes.isDirect && bytes.order() == ByteOrder.nativeOrder()) { "expected direct, native" }
    }

    /** Its elements, where [TensorSpec.type] is [ElementType.FLOAT32]; position 0. */
    public val floats: FloatBuffer = bytes.asFloatBuffer()

    /** Its elements, where [TensorSpec.type] is [ElementType.INT32]; position 0. */
    public val ints: IntBuffer = bytes.asIntBuffer()

    internal companion object {
        const val ELEMENT_BYTES: Int = 4
    }
}
