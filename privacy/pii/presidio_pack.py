"""The rules as Presidio recognisers. Imported on demand only: Presidio takes seconds and 100 MB to import.

Each recogniser scores by its own left context on raw characters, so the engine's lemma-based context is not
used: without a language model it has no lemmas, and on Chinese it would see single characters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from presidio_analyzer import AnalyzerEngine, EntityRecognizer, RecognizerRegistry, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts, NoOpNlpEngine

from privacy.pii.findings import Span, arbitrate
from privacy.pii.normalise_text import fold
from privacy.pii.recognisers import (
    address,
    auth_secret,
    cn_bank_card,
    cn_credit_code,
    cn_phone,
    cn_plate,
    cn_resident_id,
    credit_card,
    date_of_birth,
    driver_license,
    email,
    en_place,
    iban,
    ip_address,
    messaging,
    organisation,
    person,
    phone,
    sensitive,
    travel_documents,
    url,
    us_ssn,
)
from privacy.pii.recognisers.rule import Rule


class RuleRecognizer(EntityRecognizer):
    """A rule behind Presidio's interface; folds the text itself and reports offsets into the original."""

    RULE: ClassVar[Rule]

    def __init__(self, supported_language: str = "zh") -> None:
        super().__init__(supported_entities=list(self.RULE.types), supported_language=supported_language)

    def load(self) -> None:
        """Nothing to load: rules are compiled at import."""

    def analyze(
        self,
        text: str,
        entities: list[str],
        nlp_artifacts: NlpArtifacts | None = None,  # noqa: ARG002 - Presidio's signature
    ) -> list[RecognizerResult]:
        """Results of the wanted entity types; an empty list of types wants all."""
        folded = fold(text)
        spans = (
            Span(*folded.original(s.start, s.end), s.type, s.score, s.rule)
            for s in self.RULE.find(folded.text)
        )
        metadata: dict[str, Any] = {
            RecognizerResult.RECOGNIZER_NAME_KEY: type(self).__name__,
            RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: self.id,
        }
        return [
            RecognizerResult(s.type, s.start, s.end, s.score, recognition_metadata=metadata)
            for s in arbitrate(spans, text)
            if not entities or s.type in entities
        ]


class CnRecognizer(RuleRecognizer):
    """A recogniser of something that only China issues."""

    COUNTRY_CODE = "cn"


class CnResidentIdRecognizer(CnRecognizer):
    """居民身份证号码."""

    RULE = cn_resident_id.RULE


class CnPhoneRecognizer(CnRecognizer):
    """手机号, 座机."""

    RULE = cn_phone.RULE


class CnBankCardRecognizer(CnRecognizer):
    """银行卡号."""

    RULE = cn_bank_card.RULE


class CnCreditCodeRecognizer(CnRecognizer):
    """统一社会信用代码."""

    RULE = cn_credit_code.RULE


class CnTravelDocumentRecognizer(CnRecognizer):
    """护照, 通行证."""

    RULE = travel_documents.RULE


class CnPlateRecognizer(CnRecognizer):
    """车牌号."""

    RULE = cn_plate.RULE


class CnWechatRecognizer(CnRecognizer):
    """微信号."""

    RULE = messaging.WECHAT


class CnQqRecognizer(CnRecognizer):
    """QQ 号."""

    RULE = messaging.QQ


class CnAddressRecognizer(CnRecognizer):
    """住址."""

    RULE = address.RULE


class CnPersonRecognizer(CnRecognizer):
    """姓名."""

    RULE = person.RULE


class CnOrganisationRecognizer(CnRecognizer):
    """企业名称."""

    RULE = organisation.RULE


class DriverLicenseRecognizer(RuleRecognizer):
    """驾驶证档案编号, driving licences."""

    RULE = driver_license.RULE


class SensitiveRecognizer(RuleRecognizer):
    """敏感个人信息: health, religion, biometrics and the rest of PIPL 28, where a sentence tells them."""

    RULE = sensitive.RULE


class OfflineEmailRecognizer(RuleRecognizer):
    """E-mail; Presidio's own one fetches the public suffix list from the network."""

    RULE = email.RULE


class IpAddressRecognizer(RuleRecognizer):
    """IP addresses, also glued to Han characters."""

    RULE = ip_address.RULE


class AuthSecretRecognizer(RuleRecognizer):
    """Passwords and codes."""

    RULE = auth_secret.RULE


class PaymentCardRecognizer(RuleRecognizer):
    """Cards of any issuer by length, Luhn and the words beside them, not by brand."""

    RULE = credit_card.RULE


class BirthDateRecognizer(RuleRecognizer):
    """Dates that are said to be of a birth; no other date."""

    RULE = date_of_birth.RULE


class PlaceRecognizer(RuleRecognizer):
    """Countries, post boxes, military mail."""

    RULE = en_place.RULE


class AccountNumberRecognizer(RuleRecognizer):
    """International bank account numbers."""

    RULE = iban.RULE


class TelephoneRecognizer(RuleRecognizer):
    """Telephone numbers of any country."""

    RULE = phone.RULE


class WebAddressRecognizer(RuleRecognizer):
    """Web addresses."""

    RULE = url.RULE


class SocialSecurityRecognizer(RuleRecognizer):
    """US social security numbers."""

    RULE = us_ssn.RULE


RECOGNIZERS: tuple[type[RuleRecognizer], ...] = (
    CnResidentIdRecognizer,
    CnPhoneRecognizer,
    CnBankCardRecognizer,
    CnCreditCodeRecognizer,
    CnTravelDocumentRecognizer,
    CnPlateRecognizer,
    CnWechatRecognizer,
    CnQqRecognizer,
    CnAddressRecognizer,
    CnPersonRecognizer,
    CnOrganisationRecognizer,
    DriverLicenseRecognizer,
    SensitiveRecognizer,
    OfflineEmailRecognizer,
    IpAddressRecognizer,
    AuthSecretRecognizer,
)

#: What an engine for English has besides.
ENGLISH_RECOGNIZERS: tuple[type[RuleRecognizer], ...] = (
    PaymentCardRecognizer,
    BirthDateRecognizer,
    PlaceRecognizer,
    AccountNumberRecognizer,
    TelephoneRecognizer,
    WebAddressRecognizer,
    SocialSecurityRecognizer,
)


def build_engine(languages: Sequence[str]) -> AnalyzerEngine:
    """A stock engine: no-op NLP, our recognisers for each language, nothing predefined."""
    english = {"en": ENGLISH_RECOGNIZERS}
    registry = RecognizerRegistry(
        recognizers=[
            kind(language) for language in languages for kind in (*RECOGNIZERS, *english.get(language, ()))
        ],
        supported_languages=list(languages),
    )
    nlp = NoOpNlpEngine(models=[{"lang_code": language, "model_name": "no_op"} for language in languages])
    return AnalyzerEngine(registry=registry, nlp_engine=nlp, supported_languages=list(languages))
