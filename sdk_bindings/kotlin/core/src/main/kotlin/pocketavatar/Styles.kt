package pocketavatar

/** What a style's licence asks an app to show beside its avatars, or in its credits: one line. */
public val Style.credit: String
    get() = "after “$source” ($sourceUrl) by $creator, $licence ($licenceUrl)"

/**
 * The style of that name, as an app stored it.
 *
 * @throws AvatarException.StyleUnknown there is none in this artifact.
 */
public fun Style.Companion.named(id: String): Style =
    Style.entries.find { it.id == id } ?: throw AvatarException.StyleUnknown(id)
