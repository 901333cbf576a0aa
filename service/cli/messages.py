"""What an error means and what to do next, in plain English and Chinese, by error code."""

from __future__ import annotations

from typing import Final

# ruff: noqa: E501 - one line a message

_MESSAGES: Final[dict[str, dict[str, tuple[str, str]]]] = {
    "en": {
        "usage": ("The request is not well formed", "correct it and run the command again; `--help` shows the form"),
        "contract": ("The file or contract does not fit", "correct the place named above, then ingest again; nothing was stored"),
        "drift": ("A column is not what the contract says", "the whole batch is in quarantine: correct the contract or the source; `fiduciary quarantine` goes on"),
        "quality": ("The data is not good enough", "correct the source and ingest again; `fiduciary quality` shows the reasons; nothing was stored"),
        "unknown": ("There is nothing of that name", "check the name; `fiduciary doctor` lists what exists"),
        "conflict": ("This is not possible in the present state", "look at the state named above; a step before it may be missing"),
        "unauthenticated": ("You are not signed in", "set FIDUCIARY_TOKEN (or FIDUCIARY_TOKEN_FILE) to a valid token; an admin issues one with `fiduciary user add`"),
        "denied": ("You may not do this", "ask for the permission or the purpose named above; the refusal was logged"),
        "budget": ("The privacy budget does not cover this", "ask for less (a smaller epsilon, fewer measures), or reuse a released answer at no cost"),
        "audit": ("The audit log cannot be written, so nothing was done", "free disk space or check the log directory, then try again"),
        "tampered": ("The evidence does not verify", "do not rely on it; keep a copy and ask its issuer for the original"),
        "storage": ("A store is not available", "check disk space and the database, then run the same command again: it goes on where it stopped"),
        "internal": ("Something went wrong", "run `fiduciary doctor`; FIDUCIARY_DEBUG=1 shows a traceback, which may hold personal data"),
    },
    "zh": {
        "usage": ("请求格式不正确", "请更正后重试；可用 `--help` 查看用法"),
        "contract": ("文件或数据合约不符", "请更正上述位置后重新导入；本次未存储任何数据"),
        "drift": ("某列内容与合约声明的类别不符", "整批数据已隔离：请更正合约或数据来源，再用 `fiduciary quarantine` 处理"),
        "quality": ("数据质量低于合约下限", "请更正数据来源后重新导入；`fiduciary quality` 可查看原因；本次未存储任何数据"),
        "unknown": ("找不到该名称", "请核对名称；`fiduciary doctor` 可列出现有对象"),
        "conflict": ("当前状态不允许此操作", "请查看上述状态；可能缺少前一步骤"),
        "unauthenticated": ("尚未登录", "请将 FIDUCIARY_TOKEN（或 FIDUCIARY_TOKEN_FILE）设为有效令牌；管理员可用 `fiduciary user add` 签发"),
        "denied": ("无权执行此操作", "请申请上述权限或处理目的；本次拒绝已记入日志"),
        "budget": ("隐私预算不足", "请降低 epsilon 或减少指标，或免费复用已发布的结果"),
        "audit": ("审计日志无法写入，操作未执行", "请释放磁盘空间或检查日志目录后重试"),
        "tampered": ("证据未通过验证", "请勿采信；保留副本并向出具方索取原件"),
        "storage": ("存储不可用", "请检查磁盘空间和数据库，然后重新运行同一命令，系统会从中断处继续"),
        "internal": ("发生错误", "请运行 `fiduciary doctor`；FIDUCIARY_DEBUG=1 会显示堆栈，其中可能含个人信息"),
    },
}  # fmt: skip


def message(code: str, language: str) -> tuple[str, str]:
    """(what happened, what to do next) for an error code."""
    return _MESSAGES[language][code]
