package pocketavatar

/**
 * Five points of a face in the upright picture, in pixels from its upper left corner. Left and right
 * are those of the picture.
 */
public class FaceLandmarks(
    /** The centre of the eye on the left. */
    public val leftEye: Point,
    /** The centre of the eye on the right. */
    public val rightEye: Point,
    /** The tip of the nose. */
    public val nose: Point,
    /** The corner of the mouth on the left. */
    public val leftMouth: Point,
    /** The corner of the mouth on the right. */
    public val rightMouth: Point,
) {
    /** A point in pixels. */
    public class Point(
        /** The distance from the left edge. */
        public val x: Double,
        /** The distance from the upper edge. */
        public val y: Double,
    )

    internal val points: List<Point> get() = listOf(leftEye, rightEye, nose, leftMouth, rightMouth)
}

/**
 * Finds the landmarks of faces, on the device.
 *
 * Models whose identity encoder is a face network, such as those of FaceID adapters, take aligned faces.
 * Their studios need a landmark detector in [StudioOptions]: the library crops each selfie so that eyes,
 * nose and mouth lie where such networks expect them, instead of taking the centre square.
 */
public fun interface FaceLandmarkDetector {
    /**
     * Returns the landmarks of all faces in [picture], in any order. Their coordinates are those of the
     * picture after its orientation is applied.
     *
     * If there is not exactly one face, the selfie breaks the rule [SelfieRule.FACES]. An exception that
     * it throws reaches the app as [AvatarException.RuntimeFailed].
     */
    public fun landmarks(picture: Picture): List<FaceLandmarks>
}
