package pocketavatar.android

import android.content.Context
import pocketavatar.AvatarStudio
import pocketavatar.Backend
import pocketavatar.ModelSource
import pocketavatar.OnnxBackend
import pocketavatar.StudioOptions

/**
 * Opens the artifact that this library carries among the app's assets, after checking every file's
 * size and SHA-256. Close it with the screen that uses it.
 *
 * @param context any; its application's is kept.
 * @param options [androidOptions], or others.
 * @throws pocketavatar.AvatarException of the model: missing, damaged, of another version.
 */
public suspend fun AvatarStudio.Companion.open(
    context: Context,
    options: StudioOptions = androidOptions(context),
): AvatarStudio = open(assets(context), options)

/** What suits Android: its own face detector, and models dropped when it says memory is short. */
public fun androidOptions(context: Context, backend: Backend = OnnxBackend()): StudioOptions =
    StudioOptions(
        backend = backend,
        faces = AndroidFaceDetector(),
        memoryPressure = AndroidMemoryPressure(context.applicationContext),
    )

/** The artifact's files, in the assets' folder `avatar`. */
internal fun assets(context: Context): ModelSource {
    val assets = context.applicationContext.assets
    return ModelSource { path -> assets.open("avatar/$path") }
}
