package pocketavatar

/** A line for the app's credits. Licences such as CC BY 4.0 require it. */
public val AvatarStyle.credit: String
    get() = "after “$source” ($sourceUrl) by $creator, $licence ($licenceUrl)"

/**
 * Returns the style with the name that the manifest gives it, such as `open-peeps`.
 *
 * @throws AvatarException.StyleUnknown this model has no such style.
 */
public fun AvatarStyle.Companion.named(name: String): AvatarStyle =
    AvatarStyle.entries.find { it.id == name } ?: throw AvatarException.StyleUnknown(name)
