"""Each recogniser: what it finds, exactly, and what it leaves alone."""

import pytest

from privacy.pii.detect import build_detector
from privacy.pii.findings import VALIDATED

DETECTOR = build_detector()
ID = "119900199003078537"  # no county 9900
CARD = "6200000000000005"

FOUND = [
    ("CN_ID_CARD", f"身份证{ID}", ID),
    ("CN_ID_CARD", f"身份证号码是{ID}，请核实", ID),
    ("CN_ID_CARD", f"id{ID}ok", ID),
    ("CN_ID_CARD", "持证11010519491231002x办理", "11010519491231002x"),
    ("CN_ID_CARD", "证件 110105 19491231 002X", "110105 19491231 002X"),
    ("CN_ID_CARD", "110105-1949-12-31-002X", "110105-1949-12-31-002X"),
    ("CN_ID_CARD", "12 1101 0519 4912 3100 2X", "1101 0519 4912 3100 2X"),
    ("CN_ID_CARD", "１１０１０５１９４９１２３１００２Ｘ", "１１０１０５１９４９１２３１００２Ｘ"),
    ("CN_ID_CARD", "110105\u200b19491231002X", "110105\u200b19491231002X"),
    ("CN_ID_CARD", "旧身份证号110105491231002", "110105491231002"),
    ("CN_ID_CARD", "身份证号119900199003078538抄错一位", "119900199003078538"),
    ("PHONE_NUMBER", "请拨13912345678联系", "13912345678"),
    ("PHONE_NUMBER", "139-1234-5678", "139-1234-5678"),
    ("PHONE_NUMBER", "139 1234 5678", "139 1234 5678"),
    ("PHONE_NUMBER", "1391 2345 678", "1391 2345 678"),
    ("PHONE_NUMBER", "电话+8613912345678。", "+8613912345678"),
    ("PHONE_NUMBER", "(+86)139-1234-5678", "(+86)139-1234-5678"),
    ("PHONE_NUMBER", "008613912345678", "008613912345678"),
    ("PHONE_NUMBER", "手机１３９１２３４５６７８", "１３９１２３４５６７８"),
    ("PHONE_NUMBER", "单位电话010-62345678", "010-62345678"),
    ("PHONE_NUMBER", "(0571)8765432转801", "(0571)8765432转801"),
    ("PHONE_NUMBER", "座机075582345678", "075582345678"),
    ("PHONE_NUMBER", "家庭电话：62345678", "62345678"),
    ("PHONE_NUMBER", "call +44 20 7946 0958 today", "+44 20 7946 0958"),
    ("PHONE_NUMBER", "call (212) 555-0123", "(212) 555-0123"),
    ("CN_BANK_CARD", f"卡号{CARD}已绑定", CARD),
    ("CN_BANK_CARD", CARD, CARD),
    ("CN_BANK_CARD", "还款卡换成6200 0000 0000 0005谢谢", "6200 0000 0000 0005"),
    ("CN_BANK_CARD", "4111-1111-1111-1111", "4111-1111-1111-1111"),
    ("CN_BANK_CARD", "6212 2622 0000 0000 004", "6212 2622 0000 0000 004"),
    ("CN_BANK_CARD", "6200000000000005 13912345678", "6200000000000005"),
    ("CN_BANK_CARD", "订单号已核对，卡号6200000000000005", CARD),
    ("CN_BANK_CARD", "卡号6200000000000006抄错一位", "6200000000000006"),
    ("CN_ID_CARD", "身份证110105\n19491231002X号", "110105\n19491231002X"),
    ("CN_ID_CARD", "驾驶证号119900199003078538抄错一位", "119900199003078538"),
    ("CN_DRIVER_LICENSE", "驾驶证档案编号：110012345678", "110012345678"),
    ("US_DRIVER_LICENSE", "my driver's license number is 2270-66-1551", "2270-66-1551"),
    ("US_DRIVER_LICENSE", "driving licence no. SMITH901015JJ9AB", "SMITH901015JJ9AB"),
    ("PHONE_NUMBER", "客户（+8613912345678）来电", "+8613912345678"),
    ("PHONE_NUMBER", "1391 234 5678", "1391 234 5678"),
    ("CN_BANK_CARD", "帮我查5289318313062645252这张卡", "5289318313062645252"),
    ("CN_PLATE", "WJ京12345", "WJ京12345"),
    ("IP_ADDRESS", "登录地址8.8.4.4", "8.8.4.4"),
    ("IP_ADDRESS", "内网10.0.0.1", "10.0.0.1"),
    ("PERSON", "共同借款人陆阳与方毓霞于2023年", "方毓霞"),
    ("PERSON", "复核员：段丹瑾，", "段丹瑾"),
    ("PERSON", "回访记录：姚语，联系电话1", "姚语"),
    ("PERSON", "杨琬  139-1234-5678", "杨琬"),
    ("PERSON", "尊敬的努尔兰·哈山先生", "努尔兰·哈山"),
    ("PERSON", "柜员核验次仁·多吉身份证", "次仁·多吉"),
    ("PERSON", "张老先生到店", "张"),
    ("LOCATION", "家住成都市武侯区解放东路12-2-328", "成都市武侯区解放东路12-2-328"),
    ("LOCATION", "寄到长沙市幸福里22号院6号楼2门1538，收", "长沙市幸福里22号院6号楼2门1538"),
    ("CN_USCC", "统一社会信用代码91350100M000100Y43。", "91350100M000100Y43"),
    ("CN_USCC", "代码91350100m000100y43", "91350100m000100y43"),
    ("CN_PASSPORT", "护照号EA1234567", "EA1234567"),
    ("CN_PASSPORT", "证件类型:护照 证件号码:G12345678", "G12345678"),
    ("CN_PASSPORT", "passport no. E12345678", "E12345678"),
    ("CN_HK_MO_TW_PERMIT", "来往内地通行证H12345678", "H12345678"),
    ("CN_HK_MO_TW_PERMIT", "台胞证12345678", "12345678"),
    ("HK_ID_CARD", "香港身份证A123456(3)", "A123456(3)"),
    ("TW_ID_CARD", "客户A123456789来电", "A123456789"),
    ("CN_PLATE", "车牌京A12345停放", "京A12345"),
    ("CN_PLATE", "粤B·D12345", "粤B·D12345"),
    ("EMAIL_ADDRESS", "邮箱zhang.san@example.com", "zhang.san@example.com"),
    ("EMAIL_ADDRESS", "发至a+b@mail.example，谢谢", "a+b@mail.example"),
    ("EMAIL_ADDRESS", "wang＠example．com", "wang＠example．com"),
    ("EMAIL_ADDRESS", "邮箱张三@example.com", "张三@example.com"),
    ("EMAIL_ADDRESS", "x@xn--fiqs8s.example.test ok", "x@xn--fiqs8s.example.test"),
    ("CN_WECHAT", "微信号wxid_abc123", "wxid_abc123"),
    ("CN_WECHAT", "WeChat: my-name-123", "my-name-123"),
    ("CN_QQ", "我的QQ是12345678", "12345678"),
    ("IP_ADDRESS", "IP地址192.168.1.10登录", "192.168.1.10"),
    ("IP_ADDRESS", "来自2001:db8::1的请求", "2001:db8::1"),
    ("AUTH_SECRET", "验证码：482913，请勿泄露", "482913"),
    ("AUTH_SECRET", "CVV2 123", "123"),
    ("PERSON", "客户张三的手机号", "张三"),
    ("PERSON", "姓名：欧阳静怡，女", "欧阳静怡"),
    ("PERSON", "姓名：高明", "高明"),
    ("PERSON", "联系人王小明，电话", "王小明"),
    ("PERSON", "尊敬的罗珍平女士您好", "罗珍平"),
    ("PERSON", "李芳来电反映异常", "李芳"),
    ("PERSON", "担保人蒋超与借款人方雨系夫妻", "蒋超"),
    ("PERSON", "持有人阿依古丽·买买提", "阿依古丽·买买提"),
    ("PERSON", '{"name":"沈磊"}', "沈磊"),
    ("PERSON", "张三，手机13912345678", "张三"),
    ("PERSON", "客户John Smith来电", "John Smith"),
    ("PERSON", "Mr. O'Brien called", "O'Brien"),
    ("PERSON", "My name is Emma Taylor and", "Emma Taylor"),
    ("PERSON", "customer: ALICE GREEN.", "ALICE GREEN"),
    ("LOCATION", "住址浙江省杭州市西湖区文三路200号8幢801室，收件", "浙江省杭州市西湖区文三路200号8幢801室"),
    ("LOCATION", "快递寄到朝阳建国路100号", "朝阳建国路100号"),
    ("LOCATION", "地址在海淀中关村大街", "海淀中关村大街"),
    ("LOCATION", "lives at 12 Baker Street, London", "12 Baker Street"),
    ("ORGANIZATION", "就职于上海锐捷贸易有限公司财务部", "上海锐捷贸易有限公司"),
]

CLEAN = [
    "订单号120101200005272683已支付，金额635,150.93元，时间戳1674625033207。",
    "设备IMEI 865819154133216，登录时间2024-11-07 10:23:45，结果成功",
    "交易流水2966015316907645578，合同HT202489890326，放款日2024-01-21，利率7.48%，期限12期。",
    "风控规则R102命中，评分587，建议人工复核，策略版本v3.2.1",
    "流水号6200000000000005",
    "order 4111111111111111",
    "119900199003078538",
    "110101199013074610",
    "990101199003078530",
    "4111111111111112",
    "1234567890123456",
    "编号G12345678的订单",
    "version 1.2.3.4 released",
    "12345678901",
    "139123456789",
    "0.13912345678",
    "京A123",
    "not an e-mail @ all, user@localhost neither",
    "数字是12345678",
    "山西 1.30.90.5 甘肃 1.60.80.7",
    "特大桥5座，大桥7座，通道29座",
    "老同志应邀来访，有关同志和全党同志",
    "业主管部门批准，旅客焦虑，妈妈连连摇头",
    "致使100000人受益，热线400-820-8888",
    "档案编号990012345678",
    "dl 5 files",
    "wechat payment accepted",
    "std::vector 10:23:45",
    "客户对服务满意，高净值客户优先，客户经理已跟进。",
    "客户要求取消短信提醒，已处理。",
    "Customer Service asked about the Card and the Account.",
    "今天天气不错，我在北京",
    "本月逾期率7.76%，余额508,006.23元，较上月下降13.68%。",
]


@pytest.mark.parametrize(("kind", "text", "value"), FOUND)
def test_it_is_found_exactly(kind: str, text: str, value: str) -> None:
    assert value in [text[s.start : s.end] for s in DETECTOR.detect(text) if s.type == kind]


@pytest.mark.parametrize("text", CLEAN)
def test_it_is_left_alone(text: str) -> None:
    assert DETECTOR.detect(text) == ()


def test_a_wrong_check_character_is_never_called_validated() -> None:
    for text in ("身份证号119900199003078538", "卡号6200000000000006"):
        assert all(span.score < VALIDATED for span in DETECTOR.detect(text))


def test_a_name_found_once_is_found_where_it_is_repeated() -> None:
    text = "客户王小明来电。随后小李回访，王小明未接。"
    assert [s.start for s in DETECTOR.detect(text) if s.type == "PERSON"] == [2, 15]


def test_a_name_field_in_a_delimited_line_is_found() -> None:
    text = "姓名|证件号|手机|罗珍|119900199003078537|13912345678"
    assert ("PERSON", "罗珍") in [(s.type, text[s.start : s.end]) for s in DETECTOR.detect(text)]


def test_a_beaten_address_keeps_what_the_telephone_leaves() -> None:
    text = "地址文三路13912345678号楼"
    covered = {i for s in DETECTOR.detect(text) for i in range(s.start, s.end)}
    assert covered >= set(range(2, 16))
