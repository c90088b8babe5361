package pocketavatar

import java.io.File

/** The root folder of the library, in the repository or in a published package. */
val sdkRoot: File = File(System.getProperty("sdk.root"))

/** The folder of the golden vectors, which Python computes. */
val goldenFolder: File =
    System.getenv("AVATAR_GOLDEN")?.let(::File)
        ?: sdkRoot.resolve("golden").takeIf(File::isDirectory)
        ?: sdkRoot.resolve("../golden")
