package pocketavatar.sample

import android.app.Activity
import android.content.Context
import android.content.Intent
import android.net.Uri
import android.os.Bundle
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.ExperimentalCoroutinesApi
import kotlinx.coroutines.Job
import kotlinx.coroutines.MainScope
import kotlinx.coroutines.async
import kotlinx.coroutines.cancel
import kotlinx.coroutines.isActive
import kotlinx.coroutines.launch
import pocketavatar.Avatar
import pocketavatar.AvatarEvent
import pocketavatar.AvatarException
import pocketavatar.AvatarStudio
import pocketavatar.Selfie
import pocketavatar.Tier
import pocketavatar.android.open
import pocketavatar.android.selfieOf

/**
 * A screen on which a user picks selfies, sees what is wrong with them, chooses a style, and draws and
 * shares labelled avatars.
 */
public class AvatarActivity : Activity() {
    private val scope = MainScope()
    private val studio =
        scope.async(start = CoroutineStart.LAZY) {
            // If the activity was destroyed in the meantime, nothing else closes the studio.
            openStudio(this@AvatarActivity).also { if (!isActive) it.close() }
        }
    private lateinit var screen: AvatarScreen
    private var selfies = emptyList<Selfie>()
    private var drawing: Job? = null

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        screen =
            AvatarScreen(this, onPick = ::pick, onDraw = ::draw, onCancel = { drawing?.cancel() }, onShare = ::share)
        setContentView(screen.root)
        work { studio.await().prepare() }
    }

    override fun onDestroy() {
        scope.cancel()
        openedStudio()?.close()
        super.onDestroy()
    }

    /** Returns the studio, or null if it was never requested, is still being opened or failed to open. */
    @OptIn(ExperimentalCoroutinesApi::class)
    private fun openedStudio(): AvatarStudio? =
        if (studio.isCompleted && !studio.isCancelled) studio.getCompleted() else null

    /** Starts the system's picker. It needs no permission, and the app sees only what the user picks. */
    private fun pick() {
        val pictures = Intent(Intent.ACTION_GET_CONTENT).setType("image/*").putExtra(Intent.EXTRA_ALLOW_MULTIPLE, true)
        startActivityForResult(pictures, PICK)
    }

    @Deprecated("The replacement needs androidx")
    override fun onActivityResult(request: Int, result: Int, data: Intent?) {
        if (request == PICK && result == RESULT_OK && data != null) check(picked(data))
    }

    private fun picked(data: Intent): List<Uri> {
        val several = data.clipData?.let { clip -> List(clip.itemCount) { clip.getItemAt(it).uri } }
        return several ?: listOfNotNull(data.data)
    }

    private fun check(uris: List<Uri>) {
        selfies = uris.map { selfieOf(this, it) }
        work {
            val refusals = studio.await().check(selfies)
            screen.showSelfies(selfies.size, refusals.map(::advice))
        }
    }

    private fun draw() {
        drawing =
            work {
                val entitlement = if (screen.hasPlus) Tier.PLUS else Tier.FREE
                screen.startDrawing()
                studio.await().avatars(selfies, screen.style, COUNT, entitlement = entitlement).collect(::show)
            }
        drawing?.invokeOnCompletion { screen.stopDrawing() }
    }

    private fun show(event: AvatarEvent) {
        when (event) {
            is AvatarEvent.Progress -> screen.showProgress(event.avatar * event.steps + event.step, COUNT * event.steps)
            is AvatarEvent.Drawn -> screen.showAvatar(event.avatar)
            is AvatarEvent.Finished -> screen.say("Drawn in %.1f s".format(event.totalSeconds))
        }
    }

    private fun share(avatar: Avatar) {
        val picture = SharedAvatars.offer(avatar)
        val send = Intent(Intent.ACTION_SEND).setType("image/png").putExtra(Intent.EXTRA_STREAM, picture)
        send.addFlags(Intent.FLAG_GRANT_READ_URI_PERMISSION)
        startActivity(Intent.createChooser(send, "Share avatar"))
    }

    /** Runs [block] and shows its error, if any. Every error of the library is an [AvatarException]. */
    private fun work(block: suspend () -> Unit): Job =
        scope.launch {
            try {
                block()
            } catch (error: AvatarException) {
                screen.say(explanation(error))
            }
        }

    internal companion object {
        const val PICK = 1
        const val COUNT = 4

        /** Opens the studio. Tests replace it. */
        var openStudio: suspend (Context) -> AvatarStudio = { AvatarStudio.open(it) }
    }
}
