"""The Korean dialogues."""

from __future__ import annotations

from tests.dialogues import Dialogues
from tests.fakes import EMPTY, GAMES_PRIVATE, PRIVATE, PUBLIC, SECRETIVE, STRANGER

DIALOGUES: Dialogues = {
    "라이브러리": [
        (
            "/recommend roguefan",
            "게임 5개 중 5개를 보고 골랐어요",
            "Ember Depths 62시간, Dicebound 62시간 플레이, The Hollow House 보유 중이라 골랐어요",
            "평가 1,000개 중 90% 긍정적",
            "https://store.steampowered.com/app/107/",
            "!because",
        ),
        ("/why mirrorblade", "Mirrorblade 추천 이유와 비중", "% · Dicebound (62시간)"),
        ("/recommend roguefan tag: puzzle max_price: 1", "Loop & Knot", "무료"),
        ("/recommend roguefan since: 2099", "이 조건을 풀면 나와요: since", "1 since 조건 빼기"),
        ("1", "골랐어요"),
    ],
    "제목": [
        ("Tessera, Static", "이 게임들을 보고 골랐어요 (Tessera, Static)", "보유 중이라 골랐어요"),
        ("Tesera", "제가 모르는 게임이에요", "1 Tessera"),
        ("1", "이 게임들을 보고 골랐어요 (Tessera)"),
        ("Brand New Thing", "아는 게임이 하나도 없어서"),
    ],
    "Steam의 거절": [
        (f"/recommend {PRIVATE}", "프로필 수정 > 개인 정보 설정 > ‘내 프로필: 공개’, ‘게임 세부 정보: 공개’"),
        (f"/recommend {GAMES_PRIVATE}", "게임 목록이 비공개", "‘게임 세부 정보: 공개’", "!내 프로필"),
        (f"/recommend {EMPTY}", "비어 있어서", "/recommend games: Ember Depths"),
        (f"/recommend {STRANGER}", "먼저 인기 있는"),
        (f"/recommend {SECRETIVE}", "플레이 시간이 비공개"),
        ("/recommend nobodyknows", "Steam에 없는 사용자예요"),
        ("/recommend 123!", "Steam ID 형식이 아니에요"),
    ],
    "내 계정": [
        ("/unlink", "연결된 Steam 계정이 없어서"),
        ("/link", "Steam ID, 프로필 링크 또는 사용자 지정 프로필 이름", "1 Steam ID 직접 알려 주기"),
        ("1", "/link steam: 뒤에 이어서 적어 주세요: Steam ID"),
        ("/link roguefan", "연결했어요.", PUBLIC, "/unlink 명령으로 되돌릴 수 있어요"),
        ("/recommend", "게임 5개 중 5개를 보고 골랐어요"),
        (f"/link {EMPTY}", "이전 계정 대신", "라이브러리에 게임이 없어서"),
        ("/unlink", "연결을 끊었어요", "/forgetme"),
    ],
    "내 데이터": [
        ("/hide Static", "이제 추천하지 않을게요"),
        ("/mydata", "저장된 모든 것과 그 의미예요", "요청 1건", "게임에 대한 의견 1건", "저장한 곳: "),
        ("/forgetme", "영구히 지워요", "1 네, 지워 주세요"),
        ("1", "모두 영구히 지웠어요", "요청 3건"),
        ("/forgetme yes", "지울 것이 없었어요"),
    ],
    "터미널에는 채널이 없음": [
        ("/digest here day: friday", "소식을 받을 채널이 없어요"),
        ("/digest preview", "소식을 받고 싶은 채널에서"),
        ("/digest stop", "채널이 없어요"),
        ("/help digest here", "[hour]", "예: /digest here day: friday hour: 18 zone: Asia/Seoul"),
    ],
    "나머지 명령": [
        ("/curate horror", "Horror 대표작:", "The Hollow House"),
        ("/curate", "어떤 테마를 볼까요?"),
        ("/similar Static", "Static, 이런 게임과 잘 어울려요", "학습한 플레이어 중 25명이 보유"),
        ("/hide Static", "이제 추천하지 않을게요", "/hide Static"),
        ("/help", "이런 걸 할 수 있어요", "/recommend [steam]"),
        ("/help hide", "/hide <game>", "예: /hide"),
        ("/privacy", "Steam에서 온 모든 것", "60분", "운영자에게 요청"),
        ("/curat", "/curat 명령은 없어요", "1 /curate"),
        ("/why 없는게임", "제가 모르는 게임이고 비슷한 제목도 없어요"),
    ],
}
