package pocketavatar

import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.Dispatchers

/** The options of a studio. The defaults suit an app. */
public class StudioOptions(
    /** The backend that executes the networks. */
    public val backend: Backend = OnnxRuntimeBackend(),
    /** The face detector. If it is null, the face rules do not apply. */
    public val faceDetector: FaceDetector? = null,
    /** The source of the memory for selfies and for what is computed from them. */
    public val allocator: BufferAllocator = SystemAllocator,
    /** The system's warnings that memory is short. The studio then drops the models. */
    public val memoryPressure: MemoryPressure? = null,
    /** The dispatcher on which pictures are prepared and networks run. */
    public val dispatcher: CoroutineDispatcher = Dispatchers.Default,
    /** How many networks are held in memory. */
    public val memoryPolicy: MemoryPolicy = MemoryPolicy.AUTOMATIC,
    /**
     * The detector of landmarks. Models that take aligned faces need it. The others take the centre square
     * of each selfie, and it is not used.
     */
    public val landmarkDetector: FaceLandmarkDetector? = null,
) {
    /** Returns these options with another backend, detector, memory warnings or memory policy. */
    public fun copy(
        backend: Backend = this.backend,
        faceDetector: FaceDetector? = this.faceDetector,
        memoryPressure: MemoryPressure? = this.memoryPressure,
        memoryPolicy: MemoryPolicy = this.memoryPolicy,
        landmarkDetector: FaceLandmarkDetector? = this.landmarkDetector,
    ): StudioOptions =
        StudioOptions(backend, faceDetector, allocator, memoryPressure, dispatcher, memoryPolicy, landmarkDetector)

    /**
     * Returns the landmark detector if the model takes aligned faces, and null if it takes centre squares.
     *
     * @throws AvatarException.LandmarkDetectorMissing the model needs one, and there is none.
     */
    internal fun landmarkDetectorFor(manifest: Manifest): FaceLandmarkDetector? =
        if (manifest.takesAlignedFaces) {
            landmarkDetector ?: throw AvatarException.LandmarkDetectorMissing()
        } else {
            null
        }
}
