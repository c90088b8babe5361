package pocketavatar

internal const val XMP_PACKET: String = "TODO"
