package pocketavatar

import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.Dispatchers

/** What a studio is made of; everything has a default that suits an app. */
public class StudioOptions(
    /** Executes the model. */
    public val backend: Backend = OnnxBackend(),
    /** Finds faces for the face rules, which do not apply without one. */
    public val faces: FaceDetector? = null,
    /** Where the memory for selfies comes from. */
    public val allocator: Allocator = Allocator,
    /** Says when memory is short; the models are then dropped and the next call loads them again. */
    public val memoryPressure: MemoryPressure? = null,
    /** Where pictures are prepared and networks run. */
    public val dispatcher: CoroutineDispatcher = Dispatchers.Default,
) {
    /** These options with another [backend] or face detector or memory signal. */
    public fun copy(
        backend: Backend = this.backend,
        faces: FaceDetector? = this.faces,
        memoryPressure: MemoryPressure? = this.memoryPressure,
    ): StudioOptions = StudioOptions(backend, faces, allocator, memoryPressure, dispatcher)
}

/** A platform's signal that memory is short. */
public fun interface MemoryPressure {
    /** Calls [onPressure] at each signal, on any thread, until what it gives is closed. */
    public fun watch(onPressure: () -> Unit): AutoCloseable
}
