package pocketavatar

import java.io.File

/** The library's root: in the repository, or wherever it was published. */
val sdkRoot: File = File(System.getProperty("sdk.root"))

/** Golden vectors that Python made. */
val goldenFolder: File =
    System.getenv("AVATAR_GOLDEN")?.let(::File)
        ?: sdkRoot.resolve("golden").takeIf(File::isDirectory)
        ?: sdkRoot.resolve("../golden")
