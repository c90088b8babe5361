package pocketavatar

/** A face's box in the upright picture, in pixels from its upper left corner. */
public class Face(
    /** Of the box's left edge. */
    public val left: Double,
    /** Of the box's upper edge. */
    public val top: Double,
    /** Of the box. */
    public val width: Double,
    /** Of the box. */
    public val height: Double,
)

/**
 * Finds faces, on the device. Android's own is the default there; on other platforms there is none,
 * and the face rules do not apply.
 */
public fun interface FaceDetector {
    /**
     * Every face in [picture], after its orientation is applied; empty where there is none. What it
     * throws reaches the app as [AvatarException.RuntimeFailed].
     */
    public fun faces(picture: Picture): List<Face>
}
