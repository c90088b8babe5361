package pocketavatar

/**
 * Everything that can go wrong, with one class for each cause. The hierarchy is sealed, so a `when`
 * over it needs no `else`.
 *
 * Messages are English and for the developer. A cancelled run ends with the `CancellationException`
 * of coroutines. Code that belongs to no studio, such as [AiLabel] and [PixelPicture], throws
 * `IllegalArgumentException` for a wrong argument.
 */
public sealed class AvatarException(
    message: String,
    cause: Throwable? = null,
) : Exception(message, cause) {
    /** Selfies break rules. No network has run. */
    public class SelfiesRefused(
        /** The refusals by selfie and then by rule. The list is never empty. */
        public val refusals: List<Refusal>,
    ) : AvatarException(refusals.joinToString("; ") { it.message })

    /**
     * A selfie is not a picture, is damaged, cannot be opened, or has more than 120 million pixels.
     */
    public class UnreadablePicture(
        /** The index of the selfie, from 0. */
        public val selfie: Int,
        /** A description of the fault. */
        public val reason: String,
        cause: Throwable? = null,
    ) : AvatarException("selfie $selfie cannot be read: $reason", cause)

    /** The style is of the Plus tier and the app has not passed [Tier.PLUS] as the entitlement. */
    public class StyleNeedsPlus(
        /** The style that the app asked for. */
        public val style: AvatarStyle,
    ) : AvatarException("the style ${style.id} needs Plus; pass entitlement = Tier.PLUS once it is bought")

    /** The model has no style of this name. */
    public class StyleUnknown(
        /** The name that the app asked for. */
        public val name: String,
    ) : AvatarException("no style is named $name; the model has ${AvatarStyle.entries.joinToString { it.id }}")

    /** The model was not made for this number of steps, only for those in [known]. */
    public class StepsUnknown(
        /** The number that the app asked for. */
        public val steps: Int,
        /** The numbers that the model was made for, ascending. */
        public val known: List<Int>,
    ) : AvatarException("the model was not made for $steps steps, but for ${known.joinToString()}")

    /** Fewer than 1 avatar was asked for. */
    public class CountInvalid(
        /** The number that the app asked for. */
        public val count: Int,
    ) : AvatarException("$count avatars were asked for, expected at least 1")

    /** A file of the model is missing. */
    public class ModelMissing(
        /** Its path in the artifact. */
        public val file: String,
        cause: Throwable? = null,
    ) : AvatarException("the model's file $file is missing; ship the whole artifact", cause)

    /** A file of the model is truncated, changed or unreadable. */
    public class ModelDamaged(
        /** Its path in the artifact. */
        public val file: String,
        /** The difference that the library found. */
        public val reason: String,
        cause: Throwable? = null,
    ) : AvatarException("the model's file $file is damaged: $reason; ship it again", cause)

    /** The model is complete, but it is not the one that the library was generated for. */
    public class ModelOfAnotherVersion(
        /** The difference that the library found. */
        public val reason: String,
    ) : AvatarException(
            "the model is not the one that the library was generated for: $reason; publish library and model together",
        )

    /** The model takes aligned faces, and the app has passed no [FaceLandmarkDetector]. */
    public class LandmarkDetectorMissing :
        AvatarException(
            "the model takes aligned faces and there is no landmark detector; " +
                "pass one as StudioOptions(landmarkDetector = ...)",
        )

    /** Memory ran out. The models are dropped, and a later call loads them again. */
    public class OutOfMemory(
        /** The operation that failed, such as `running denoiser`. */
        public val doing: String,
        cause: Throwable? = null,
    ) : AvatarException("out of memory while $doing", cause)

    /** A backend could not load or run a component, or the face detector failed. */
    public class RuntimeFailed(
        /** The name of the component, or `face detector`. */
        public val component: String,
        /** The message of the failure. */
        public val reason: String,
        cause: Throwable? = null,
    ) : AvatarException("$component failed: $reason", cause)

    /** The studio was closed before or during the call. */
    public class Closed : AvatarException("the studio is closed; open another one")
}
