package pocketavatar

import kotlin.math.roundToLong

/** A rule that one selfie, or the number of selfies, breaks. */
public class Refusal(
    /** The index of the selfie, from 0, or null if the number of selfies breaks the rule. */
    public val selfie: Int?,
    /** The rule that is broken. */
    public val rule: SelfieRule,
    /** The measured value, in the unit of the rule. */
    public val value: Double,
    /** The limit that the value breaks. */
    public val limit: Double,
    /** For [SelfieRule.DIFFERENCE], the index of the earlier selfie that is nearly the same. Else null. */
    public val earlier: Int? = null,
    /** A description of the rule, in one line of English. */
    public val about: String = "",
) {
    /**
     * The selfie, the rule, the value and the limit in one line of English for the developer. An app
     * should tell people in its own words.
     */
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
