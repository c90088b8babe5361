package pocketavatar

/**
 * Everything that can go wrong, one class a cause, closed: a `when` over it needs no `else`.
 *
 * Messages are for developers. A cancelled run ends with coroutines' own `CancellationException`.
 * What belongs to no studio, such as [AiLabel] and [PixelPicture], meets a wrong argument with
 * `IllegalArgumentException`.
 */
public sealed class AvatarException(
    message: String,
    cause: Throwable? = null,
) : Exception(message, cause) {
    /** At least one selfie, or their number, breaks a rule. No network has run. */
    public class SelfiesRefused(
        /** Never empty; in the order of selfies, then of rules. */
        public val refusals: List<Refusal>,
    ) : AvatarException(refusals.joinToString("; ") { it.message })

    /** A selfie is no picture, is broken, cannot be opened or has more than 120 million pixels. */
    public class UnreadablePicture(
        /** Which selfie, from 0. */
        public val selfie: Int,
        /** What is wrong with it. */
        public val why: String,
        cause: Throwable? = null,
    ) : AvatarException("selfie $selfie cannot be read: $why", cause)

    /** The style is of the plus tier and no entitlement was passed in. Nothing was done. */
    public class StyleNeedsPlus(
        /** The style asked for. */
        public val style: Style,
    ) : AvatarException("the style ${style.id} needs Plus; pass entitlement = Tier.PLUS to who has it")

    /** No style has this name: it is of another artifact, or misspelt. */
    public class StyleUnknown(
        /** The name asked for. */
        public val id: String,
    ) : AvatarException("no style is named \"$id\"; there are ${Style.entries.joinToString { it.id }}")

    /** The model was not made for this number of steps. */
    public class StepsUnknown(
        /** The number asked for. */
        public val steps: Int,
        /** The numbers it was made for, ascending. */
        public val known: List<Int>,
    ) : AvatarException("the model was not made for $steps steps, but for ${known.joinToString()}")

    /** Fewer than 1 avatar was asked for. Nothing was done. */
    public class CountInvalid(
        /** The number asked for. */
        public val count: Int,
    ) : AvatarException("$count avatars were asked for, expected at least 1")

    /** A file of the model is not where it should be. */
    public class ModelMissing(
        /** Its path in the artifact. */
        public val file: String,
        cause: Throwable? = null,
    ) : AvatarException("the model's file $file is missing; ship the whole artifact", cause)

    /** A file of the model is not what was published: cut short, altered or unreadable. */
    public class ModelDamaged(
        /** Its path in the artifact. */
        public val file: String,
        /** How that is known. */
        public val why: String,
        cause: Throwable? = null,
    ) : AvatarException("the model's file $file is damaged: $why; ship it again", cause)

    /** The artifact is a whole one, but not the one that this library was made for. */
    public class ModelOfAnotherVersion(
        /** How that is known. */
        public val why: String,
    ) : AvatarException("the model is of another version: $why; publish library and model together")

    /** Memory ran out. The models are dropped; a later call loads them again. */
    public class OutOfMemory(
        /** What was being done. */
        public val doing: String,
        cause: Throwable? = null,
    ) : AvatarException("out of memory while $doing", cause)

    /** The runtime could not load or run a component, or the app's face detector failed. */
    public class RuntimeFailed(
        /** The component's name, or `face detector`. */
        public val component: String,
        /** What failed, in its own words. */
        public val why: String,
        cause: Throwable? = null,
    ) : AvatarException("the runtime failed at $component: $why", cause)

    /** The studio was closed before or while this was done. */
    public class Closed : AvatarException("the studio is closed; open another")
}
