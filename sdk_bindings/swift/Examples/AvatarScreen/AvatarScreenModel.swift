import AvatarStudio
import Foundation
import PhotosUI
import SwiftUI

/// Holds what the screen shows, and the studio that draws.
@MainActor
final class AvatarScreenModel: ObservableObject {
  @Published var style = AvatarStyle.allCases[0]
  @Published private(set) var problems: [String] = []
  @Published private(set) var avatars: [Avatar] = []
  /// The progress in [0,1] while avatars are drawn, else nil.
  @Published private(set) var progress: Double?
  @Published private var selfies: [Selfie] = []

  private let hasPlus: Bool
  private var studio: AvatarStudio?
  private var work: Task<Void, Never>?

  init(hasPlus: Bool) {
    self.hasPlus = hasPlus
  }

  var canDraw: Bool {
    !selfies.isEmpty && problems.isEmpty && (hasPlus || !style.needsPlus)
  }

  /// Reads the pictures that the user picked, into memory only, and checks them.
  func use(_ picks: [PhotosPickerItem]) {
    start {
      self.selfies = []
      var selfies: [Selfie] = []
      for pick in picks {
        if let data = try await pick.loadTransferable(type: Data.self) {
          selfies.append(Selfie(data))
        }
      }
      let refusals = try await self.opened().check(selfies)
      self.selfies = selfies
      self.problems = refusals.map(Self.advice)
    }
  }

  func draw() {
    start {
      self.avatars = []
      self.progress = 0
      let events = try await self.opened().avatars(of: self.selfies, style: self.style, count: 4)
      for try await event in events {
        switch event {
        case .progress(let progress): self.progress = progress.fraction
        case .drawn(let avatar): self.avatars.append(avatar)
        case .finished: break
        }
      }
    }
  }

  func stop() {
    work?.cancel()
  }

  private func start(_ body: @escaping @MainActor () async throws -> Void) {
    let earlier = work
    earlier?.cancel()
    work = Task {
      await earlier?.value
      problems = []
      defer { progress = nil }
      do {
        try await body()
      } catch AvatarError.cancelled {
        // The user cancelled it, so there is nothing to report.
      } catch {
        problems = [error.localizedDescription]
      }
    }
  }

  private func opened() async throws -> AvatarStudio {
    if let studio { return studio }
    let options = StudioOptions(entitlement: hasPlus ? .plus : .free)
    let studio = try await AvatarStudio(.bundled, options: options)
    self.studio = studio
    return studio
  }

  /// Returns what a person can do about a refusal. A real app translates it.
  private nonisolated static func advice(_ refusal: Refusal) -> String {
    let whose = refusal.selfie.map { "Selfie \($0 + 1): " } ?? ""
    let advice =
      switch refusal.rule {
      case .count: "choose 1 to \(Manifest.bundled.maxSelfies) selfies"
      case .side: "the picture is too small"
      case .brightness: refusal.value < refusal.limit ? "it is too dark" : "it is too bright"
      case .contrast: "there is too little light and shadow"
      case .sharpness: "it is blurred"
      case .difference: "it is nearly the same as another one"
      case .faces: "exactly one face should be in it"
      case .faceSize: "come closer to the camera"
      case .faceOffset: "the face should be in the middle"
      }
    return whose + advice
  }
}
