package pocketavatar

import java.io.IOException

/**
 * One picture of the person, which the library decodes when it needs it.
 *
 * On Android `selfieOf(…)` creates one from a content URI, from bytes or from a bitmap. On other
 * platforms the app decodes the picture, for example to a [PixelPicture].
 */
public fun interface Selfie {
    /**
     * Decodes the picture. The caller closes it, and can call this more than once.
     *
     * Every exception, not only [IOException], reaches the app as [AvatarException.UnreadablePicture].
     *
     * @throws IOException the file is not a picture, is damaged, is too large or is gone. The message
     *   says which.
     */
    public fun open(): Picture
}
