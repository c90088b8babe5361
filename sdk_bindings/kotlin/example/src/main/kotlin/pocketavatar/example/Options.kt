package pocketavatar.example

import pocketavatar.Style
import pocketavatar.Tier
import java.io.File

/** The command line, read. */
internal class Options(
    val selfies: List<File>,
    val style: String,
    val artifact: File,
    val out: File,
    val count: Int,
    val seed: ULong,
    val steps: Int?,
    val threads: Int,
    val entitlement: Tier,
) {
    companion object {
        private val NAMES = setOf("style", "artifact", "out", "count", "seed", "steps", "threads")

        /** Null where help is asked for. */
        fun of(arguments: List<String>): Options? {
            if ("--help" in arguments) return null
            val given = HashMap<String, String>()
            val selfies = ArrayList<File>()
            var entitlement = Tier.FREE
            val rest = arguments.iterator()
            while (rest.hasNext()) {
                val next = rest.next()
                val name = next.removePrefix("--")
                when {
                    next == "--plus" -> entitlement = Tier.PLUS
                    !next.startsWith("--") -> selfies += File(next)
                    name !in NAMES -> throw UsageException("there is no option $next")
                    !rest.hasNext() -> throw UsageException("$next needs a value")
                    else -> given[name] = rest.next()
                }
            }
            return of(given, selfies, entitlement)
        }

        private fun of(given: Map<String, String>, selfies: List<File>, entitlement: Tier) =
            Options(
                selfies = selfies,
                style = given["style"] ?: Style.entries.first().id,
                artifact = File(given["artifact"] ?: "artifact"),
                out = File(given["out"] ?: "avatar.png"),
                count = given.number("count", String::toIntOrNull)?.also(::atLeastOne) ?: 1,
                seed = given.number("seed", String::toULongOrNull) ?: 0u,
                steps = given.number("steps", String::toIntOrNull),
                threads = given.number("threads", String::toIntOrNull) ?: 0,
                entitlement = entitlement,
            )

        private fun atLeastOne(count: Int) {
            if (count < 1) throw UsageException("--count is $count, expected at least 1")
        }

        private inline fun <T> Map<String, String>.number(name: String, parse: (String) -> T?): T? =
            get(name)?.let { parse(it) ?: throw UsageException("--$name is $it, expected a whole number") }
    }
}

/** A command line that cannot be read. */
internal class UsageException(
    message: String,
) : Exception(message)

internal val USAGE =
    """
    avatar-example [options] SELFIE...

    Draws avatars of the person in 1 to 10 picture files (PNG, JPEG), into PNG files that say
    that they are AI-made.

      --style NAME     one of ${Style.entries.joinToString { it.id }} (the first)
      --plus           open the styles of the plus tier
      --seed N         of the first avatar; the same seed draws the same avatar (0)
      --count N        how many avatars (1)
      --steps N        sampling steps, one of the model's (its own number)
      --threads N      threads of one network call (0: the runtime chooses)
      --artifact DIR   the artifact (artifact)
      --out FILE       where to (avatar.png)
    """.trimIndent()
