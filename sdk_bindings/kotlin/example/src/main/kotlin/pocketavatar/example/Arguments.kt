package pocketavatar.example

import pocketavatar.AvatarStyle
import pocketavatar.Bundled
import pocketavatar.Tier
import java.io.File

/** The parsed command line. */
internal class Arguments(
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

        /**
         * Parses the command line. Returns null if it asks for help.
         *
         * @throws UsageException it cannot be parsed.
         */
        fun of(words: List<String>): Arguments? {
            if ("--help" in words) return null
            val given = HashMap<String, String>()
            val selfies = ArrayList<File>()
            var entitlement = Tier.FREE
            val rest = words.iterator()
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
            Arguments(
                selfies = selfies,
                style = given["style"] ?: AvatarStyle.entries.first().id,
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

/** The command line cannot be parsed. */
internal class UsageException(
    message: String,
) : Exception(message)

internal val USAGE =
    """
    avatar-example [options] SELFIE...

    Draws avatars of the person in 1 to ${Bundled.maxSelfies} selfies (PNG, JPEG) and writes labelled PNG
    files.

      --style NAME     the style of the avatars (default: the first), one of
                       ${AvatarStyle.entries.joinToString { it.id }}
      --plus           the user is entitled to Plus styles
      --seed N         the seed of the first avatar (default: 0); the same seed draws the same avatar
      --count N        the number of avatars (default: 1); several files are numbered: me-1.png, me-2.png
      --steps N        the number of sampling steps (default: the model's own number)
      --threads N      the number of threads of one network call (default: the runtime chooses)
      --artifact DIR   the folder of the artifact (default: artifact)
      --out FILE       the file to write (default: avatar.png)
      --help           show this text
    """.trimIndent()
