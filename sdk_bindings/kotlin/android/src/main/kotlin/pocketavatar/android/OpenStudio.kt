package pocketavatar.android

import android.content.Context
import pocketavatar.AvatarStudio
import pocketavatar.Backend
import pocketavatar.ModelSource
import pocketavatar.OnnxRuntimeBackend
import pocketavatar.StudioOptions

/**
 * Opens the artifact in the app's assets, which this library puts there, after checking the size and
 * SHA-256 of each of its files. It loads no network. Close the studio with the screen that uses it.
 *
 * @param context Any context. The studio keeps the application's context only.
 * @param options The options of the studio.
 * @throws pocketavatar.AvatarException.ModelMissing a file is missing.
 * @throws pocketavatar.AvatarException.ModelDamaged a file is truncated or changed.
 * @throws pocketavatar.AvatarException.ModelOfAnotherVersion it is not the artifact that the library was
 *   generated for.
 * @throws pocketavatar.AvatarException.LandmarkDetectorMissing the model needs one, and [options] have none.
 */
public suspend fun AvatarStudio.Companion.open(
    context: Context,
    options: StudioOptions = androidOptions(context),
): AvatarStudio = open(assets(context), options)

/** Returns options with Android's face detector and Android's memory warnings. */
public fun androidOptions(context: Context, backend: Backend = OnnxRuntimeBackend()): StudioOptions =
    StudioOptions(
        backend = backend,
        faceDetector = AndroidFaceDetector(),
        memoryPressure = AndroidMemoryPressure(context.applicationContext),
    )

/** Returns the artifact's files, which lie in the folder `avatar` of the assets. */
internal fun assets(context: Context): ModelSource {
    val assets = context.applicationContext.assets
    return ModelSource { path -> assets.open("avatar/$path") }
}
