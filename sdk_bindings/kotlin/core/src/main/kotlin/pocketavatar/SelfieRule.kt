package pocketavatar

/**
 * The rules for selfies, in the order in which refusals are given.
 *
 * The manifest holds the limits. The measures of luma are computed on the prepared selfie.
 */
public enum class SelfieRule(
    /** The name of the rule in every language and in the manifest. */
    public val id: String,
) {
    /** The number of selfies. */
    COUNT("count"),

    /** The shorter side of the upright picture, in pixels. */
    SIDE("side"),

    /** The mean luma, 0 (black) to 1 (white). */
    BRIGHTNESS("brightness"),

    /** The standard deviation of the luma. */
    CONTRAST("contrast"),

    /** The root mean square of the luma's Laplacian, divided by its contrast. */
    SHARPNESS("sharpness"),

    /** The mean absolute difference to the most similar earlier selfie, 0 to 1. */
    DIFFERENCE("difference"),

    /** The number of faces in the upright picture. */
    FACES("faces"),

    /** The width of the face's bounding box, divided by the shorter side of the picture. */
    FACE_SIZE("face_size"),

    /**
     * The distance between the centres of the face's bounding box and of the picture, divided by the
     * shorter side of the picture.
     */
    FACE_OFFSET("face_offset"),
}
