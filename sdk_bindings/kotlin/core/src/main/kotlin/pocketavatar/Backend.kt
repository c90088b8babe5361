package pocketavatar

import java.io.File
import java.nio.ByteBuffer

/**
 * Loads components, so that they can run: [OnnxRuntimeBackend], [FakeBackend], or one of the app. A
 * studio makes one call at a time.
 */
public fun interface Backend {
    /**
     * Loads a component.
     *
     * An [AvatarException] that it throws reaches the app as it is, an `OutOfMemoryError` as
     * [AvatarException.OutOfMemory], and any other exception as [AvatarException.RuntimeFailed].
     *
     * @param component The component to load.
     * @param model Reads the model file of the component.
     */
    public fun load(component: Component, model: ModelReader): Runner
}

/** Reads the model file of a component and checks it against the SHA-256 in the manifest. */
public fun interface ModelReader {
    /** Returns the whole file in a new direct buffer at position 0. */
    public fun read(): ByteBuffer

    /** Returns the file itself, which was checked, if the model lies on a disk, else null. */
    public fun file(): File? = null
}

/** A loaded component. */
public interface Runner : AutoCloseable {
    /**
     * Runs the component once: reads all inputs and fills all outputs.
     *
     * Both hold exactly the component's tensors by name. The call blocks until it is done.
     */
    public fun run(inputs: Map<String, Tensor>, outputs: Map<String, Tensor>)

    override fun close()
}
