package pocketavatar

/** The bounding box of a face in the upright picture, in pixels from its upper left corner. */
public class Face(
    /** The left edge. */
    public val left: Double,
    /** The upper edge. */
    public val top: Double,
    /** The distance from the left edge to the right one. */
    public val width: Double,
    /** The distance from the upper edge to the lower one. */
    public val height: Double,
)

/**
 * Finds faces, on the device. `AndroidFaceDetector` is the default on Android. On other platforms
 * there is no default, and the face rules do not apply.
 */
public fun interface FaceDetector {
    /**
     * Returns the bounding boxes of all faces in [picture], in any order. Their coordinates are those
     * of the picture after its orientation is applied.
     *
     * An exception that it throws reaches the app as [AvatarException.RuntimeFailed].
     */
    public fun faces(picture: Picture): List<Face>
}
