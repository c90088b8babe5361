package pocketavatar

import java.nio.FloatBuffer

/** Compares what was measured with the limits of the rules. */
internal class SelfieRules(
    private val limits: List<RuleLimits>,
) {
    /**
     * Checks the number of selfies. Call it before any selfie is decoded.
     *
     * @param places The number that the identity encoder takes, which limits it in any case.
     */
    fun checkCount(selfies: Int, places: Int): List<Refusal> {
        val refused = refusals(null, mapOf(SelfieRule.COUNT to selfies.toDouble()))
        if (refused.isNotEmpty() || selfies <= places) return refused
        val about = "selfies that the model takes"
        return listOf(Refusal(null, SelfieRule.COUNT, selfies.toDouble(), places.toDouble(), about = about))
    }

    /**
     * Returns the rules that a selfie breaks, in the order of the rules.
     *
     * @param selfie The index of the selfie.
     * @param measures What was measured of it. `count` and `difference` are not among it.
     * @param prepared The prepared selfie, (3,size,size).
     * @param earlier The prepared selfies with smaller indices, for the rule `difference`.
     */
    fun check(
        selfie: Int,
        measures: Map<SelfieRule, Double>,
        prepared: FloatBuffer,
        earlier: List<FloatBuffer>,
    ): List<Refusal> {
        val differences = earlier.map { meanDifference(prepared, it) }
        val nearest = differences.indices.minByOrNull(differences::get)
        val all = if (nearest == null) measures else measures + (SelfieRule.DIFFERENCE to differences[nearest])
        return refusals(selfie, all, nearest)
    }

    private fun refusals(selfie: Int?, found: Map<SelfieRule, Double>, nearest: Int? = null): List<Refusal> =
        limits.mapNotNull { limits ->
            val value = found[limits.rule] ?: return@mapNotNull null
            val broken = limits.brokenBy(value) ?: return@mapNotNull null
            val earlier = nearest.takeIf { limits.rule == SelfieRule.DIFFERENCE }
            Refusal(selfie, limits.rule, value, broken, earlier, limits.about)
        }
}
