package pocketavatar

/** A line for the app's credits. Licences such as CC BY 4.0 require it. */
public val AvatarStyle.credit: String
    get() {
        val work = if (source.isEmpty()) title else listOf("after “$source”", inBrackets(sourceUrl)).joined()
        val author = if (creator.isEmpty()) "" else "by $creator"
        val terms = listOf(licence, inBrackets(licenceUrl)).joined()
        return listOf(listOf(work, author).joined(), terms).filter(String::isNotEmpty).joinToString()
    }

private fun inBrackets(address: String) = if (address.isEmpty()) "" else "($address)"

private fun List<String>.joined() = filter(String::isNotEmpty).joinToString(" ")

/**
 * Returns the style with the name that the manifest gives it, such as `open-peeps`.
 *
 * @throws AvatarException.StyleUnknown this model has no such style.
 */
public fun AvatarStyle.Companion.named(name: String): AvatarStyle =
    AvatarStyle.entries.find { it.id == name } ?: throw AvatarException.StyleUnknown(name)
