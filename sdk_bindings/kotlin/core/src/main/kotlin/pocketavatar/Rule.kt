package pocketavatar

import kotlin.math.roundToLong

/** The rules for selfies, in the order in which refusals are given. */
public enum class Rule(
    /** Its name in every language. */
    public val id: String,
) {
    /** How many selfies there are. */
    COUNT("count"),

    /** The shorter side of the upright picture, in pixels. */
    SIDE("side"),

    /** Mean luma of the prepared selfie, 0 to 1. */
    BRIGHTNESS("brightness"),

    /** Standard deviation of its luma. */
    CONTRAST("contrast"),

    /** Root mean square of its luma's Laplacian, divided by its contrast. */
    SHARPNESS("sharpness"),

    /** Mean absolute difference to the earlier selfie that is most like it, 0 to 1. */
    DIFFERENCE("difference"),

    /** Faces in the upright picture. */
    FACES("faces"),

    /** Width of the face's box, in shorter sides of the picture. */
    FACE_SIZE("face_size"),

    /** Distance of the box's centre from the picture's, in shorter sides of the picture. */
    FACE_OFFSET("face_offset"),
}

/** The least and the most that a rule allows; both are still allowed, null is no limit. */
internal class Limits(
    val rule: Rule,
    val min: Double?,
    val max: Double?,
    val about: String,
) {
    /** The limit that [value] breaks. */
    fun brokenBy(value: Double): Double? =
        when {
            min != null && !(value >= min) -> min
            max != null && value > max -> max
            else -> null
        }
}

/** One rule that one selfie, or their number, breaks. */
public class Refusal(
    /** Which selfie, from 0; null where it is their number. */
    public val selfie: Int?,
    /** The rule. */
    public val rule: Rule,
    /** What was measured, in the rule's unit. */
    public val value: Double,
    /** The limit that it breaks. */
    public val limit: Double,
    /** For [Rule.DIFFERENCE], the earlier selfie that is nearly the same; else null. */
    public val earlier: Int? = null,
    /** What the rule asks for, in words. */
    public val about: String = "",
) {
    /** For developers, in one line; people are better told in the app's own words. */
    public val message: String
        get() {
            val who = if (selfie == null) "" else "selfie $selfie: "
            val whose = if (earlier == null) "" else " to selfie $earlier"
            val bound = if (value > limit) "at most" else "at least"
            return "$who${rule.id}$whose is ${short(value)}, expected $bound ${short(limit)} ($about)"
        }

    override fun toString(): String = message

    private fun short(value: Double): String {
        val rounded = (value * 10_000).roundToLong() / 10_000.0
        return rounded.toString().removeSuffix(".0")
    }
}
