"""What programs that were written for the real instruments say to them, model by model: nothing of it is unknown here.

The phrases are those of open drivers and loggers for these models or their series; settings are read back.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from instrument_makers import MAKERS, errors

from station.twin.scpi import Instrument

EVERY = (
    "*CLS",
    "*ESE 60;*SRE 48",
    "*OPC;*WAI",
    "*IDN?;*OPC?;*ESR?;*STB?",
    "*TST?;*ESE?;*SRE?",
    "STAT:OPER?;:STAT:OPER:EVEN?;COND?;ENAB?",
    "STAT:QUES?;:STAT:QUES:EVEN?;COND?;ENAB?",
    "STAT:OPER:ENAB 256;:STAT:QUES:ENAB 3;:STAT:PRES",
    "SYST:VERS?;:SYSTEM:ERROR:COUNT?;:system:error:next?",
)
SAID: Mapping[str, tuple[str, ...]] = {
    "chroma-62050p-100-100": (
        ":CONF:REM ON;:CONF:BEEP OFF;:CONF:BEEP?;:CONF:OUTP OFF;:CONF:OUTP?",
        ":SOUR:VOLT 54.00;:SOUR:CURR 50.000000;:SOUR:VOLT?;:SOUR:CURR?",
        "SOUR:VOLT:PROT:HIGH 57.0;:SOUR:CURR:PROT:HIGH 60.0;:SOUR:POW:PROT:HIGH 3000",
        "SOUR:VOLT:LIM:HIGH 60;LOW 0;:SOUR:CURR:LIM:HIGH 80;LOW 0",
        "SOUR:VOLT:SLEW 1;:SOUR:CURR:SLEW 1;SLEWINF DISABLE",
        "CONF:FOLD CVTOCC;:CONF:FOLDT 0.1",
        "FETC:VOLT?;CURR?;POW?;STAT?;:MEAS:VOLT?;CURR?;POW?",
        "CONF:MEAS:SP 3;SP?;:CONF:AVG:TIMES 1;METH MOV;METH?;:CONF:INH LIVE;INH?;TTL 0",
        "*SAV 3;*RCL 3",
    ),
    "chroma-63210a-150-1000": (
        "CONF:REM ON;:MODE CCH;MODE?;:CURR:STAT:L1 130;L2 5;RISE 0.5;FALL 0.5;L1?;L2?",
        "MODE CRH;RES:STAT:L1 10;L2 5;RISE 1;:MODE CVH;VOLT:STAT:L1 48;L2 50;ILIM 20;:MODE CPH;POW:STAT:L1 50;L2 60",
        "MODE CCDH;CURR:DYN:L1 1;L2 2;T1 0.01;T2 0.02;REP 3;RISE 1;FALL 1;T1?;REP?",
        "LOAD 1;LOAD?;LOAD:SHOR 0;SHOR?;PROT?;PROT:CLE;:LOAD OFF",
        "CONF:VOLT:ON 30;LATC OFF;:CONF:OCP 140;:CONF:OPP 8000",
        "MEAS:VOLT?;CURR?;POW?;:FETC:VOLT?;CURR?;POW?",
        ":CONFigure:WINDow 0.1;WINDow?;:MEASure:INPut UUT;INPut?;:RESistance:STATic:IRNG HIGH;IRNG?",
        "*SAV 100;*RCL 100",
    ),
    "ea-psb-10080-340": (
        "SYST:LOCK ON;LOCK:OWN?",
        "SYST:NOM:VOLT?;CURR?;POW?;RES:MIN?;MAX?",
        "SOUR:VOLT 50;:SOUR:CURR 20;:SOUR:POW 3.5kW;:SINK:CURR 30;:SINK:POW 1000",
        "SOUR:VOLT:PROT 57;:SOUR:CURR:PROT 90;:SOUR:POW:PROT 9000;:SINK:CURR:PROT 95;:SINK:POW:PROT 9000",
        "VOLT:LIM:LOW 0;HIGH 60;:CURR:LIM:HIGH 100;:SINK:CURR:LIM:HIGH 150",
        "SYST:CONF:MODE UIR;:SINK:RES 2;:SINK:RES?;:SYST:CONF:MODE?;:SYST:CONF:MODE UIP",
        "SYST:CONF:OVD 56;OVD:ACT ALARM;:SYST:SINK:CONF:OCD 140;OCD:ACT WARNING",
        "SYST:ALARM:COUNT:OVOLTAGE?;:SYST:ALARM:COUNT:OTEMPERATURE?;:SYST:SINK:ALARM:COUNT:OCURRENT?",
        "SYST:COMM:MON:TIM 5;ACT ON;:SYST:COMM:LAN:KEEP ON",
        "POW:STAG:AFT:REM OFF;:SYST:ALAR:ACT:PF OFF;:SYST:CONF:OUTP:REST OFF;:SYST:CONF:ANAL:REMSB:ACT OFF",
        "STAT:SEC:QUES:COND?;:SYST:CONF:USER:TEXT 'line 1';:MEAS:ARR?;:OUTP?;:SYST:ERR:ALL?",
        "STATus:SECond:QUEStionable:CONDition?;EVENt?;ENABle?",
        "SYSTem:CONFig:CONTroller:SPEed FAST;SPEed?;:SYST:CONF:SEMIF47 ENABLE;SEMIF47?;:SYSTem:CONFig:MODe?",
        "SYSTem:CONFig:ANALog:REMSb:LEVel INVERTED;LEVel?;:SYST:COMM:PROT:MODB?;:SYST:COMM:LAN:TIM?;DHCP?",
        "SYST:COMM:LAN:IND?;ADDR?;SMAS?;GAT?;:FETC:AHO?",
    ),
    "itech-it6010c-80-300": (
        "SYST:REM;:SYST:RWL;:SYST:LOC;:SYST:BEEP",
        "FUNC VOLT;:FUNC:MODE FIXED;:FUNC?;:FUNC:MODE?",
        "SOURce:VOLTage 50;:SOURce:CURRent 10;:CURR:LIM 20;:CURR:LIM:NEG -20;:POW:LIM 5000;:POW:LIM:NEG -5000",
        "VOLT:SLEW:POS 1;:VOLT:SLEW:NEG 1;:CURR:SLEW:POS 1;:CURR:SLEW:NEG 1;:VOLT:SLEW:POS?",
        "VOLT:PROT:LEV 57;STAT ON;DEL 0.005;:CURR:PROT 100;:CURR:PROT:STAT ON;:POW:PROT 9000;:POW:PROT:DEL 1",
        "VOLT:UND:PROT 30;:VOLT:UND:PROT:WARM 1;:CURR:UND:PROT:STAT 0;:SOURce:CURRent:OVER:PROTection:STATe OFF",
        "OUTP:DEL:RISE 0.1;:OUTP:DEL:FALL 0;:OUTP:DEL:RISE?;:OUTP:PROT:WDOG:STAT 0;DEL 30;:OUTP:PROT:CLE",
        "SINK:RES 2;:SINK:RES:STAT 1;STAT?;:SINK:RES:STAT 0;:SYST:VOLT:RZERO?",
        "MEASure:VOLTage?;:MEASure:CURRent?;:MEASure:POWer?;:FETC:VOLT?;:STAT:OPER:PTR?;NTR?;:STAT:QUES:PTR 3",
        "SOURce:VOLTage:SLEW:BOTH 5;BOTH?;:CURR:SLEW 10;SLEW?;:SYST:CLE;BEEP:STAT OFF;STAT?;:SYST:COMM:LAN:IP?;SMAS?",
        "*SAV 9;*RCL 9",
    ),
    "keysight-rp7935a": (
        "OUTP:STAT 0;:OUTP:STAT?;:SYST:COMM:RLST REM;:SYST:COMM:RLST?",
        "SOUR:FUNC VOLT;:SOUR:VOLT:LEV 50;:SOUR:CURR:LIM 20;:CURR:LIM:NEG -20;:SOUR:VOLT:LEV?",
        "SOUR:FUNC CURR;:SOUR:CURR:LEV -5;:VOLT:LIM 60;:VOLT:LIM:LOW 30;:VOLT:LIM:LOW?",
        "SOUR:CURR:PROT:STATE 1;:CURR:PROT:DEL 0.1;:SOUR:VOLT:PROT 57;:VOLT:PROT:LOW 30;LOW:STAT ON;DEL 0.1",
        "VOLT:SLEW 100;:VOLT:SLEW:MAX 0;:CURR:SLEW 100;:CURR:SLEW:MAX OFF;:CURR:SLEW? MAX",
        "OUTP:DEL:RISE 0.1;:OUTP:DEL:FALL 0.1;:OUTP:INH:MODE LATC;:OUTP:PON:STAT RST;:OUTP:PROT:TEMP:MARG?",
        "VOLT:MODE STEP;:VOLT:TRIG 51;:CURR:MODE FIX;:TRIG:TRAN:SOUR BUS;:INIT:TRAN;*TRG;:ABOR:TRAN",
        "SENS:SWE:NPLC 1;:SENS:FUNC:VOLT ON;:SENS:FAUL:STAT ON;:DISP ON;:DISP:VIEW METER_VI;:CURR:SHAR?",
        "MEAS:VOLT?;:FETC:CURR?;:FETC:POW?;:FETC:AHO?;:FETC:WHO?;:SENS:AHO:RES;:SYST:TEMP:AMB?",
        "MEAS:VOLT:MAX?;MIN?;ACDC?;:MEAS:CURR:HIGH?;LOW?;:MEAS:POW:MAX?;:FETC:VOLT:MAX?;:OUTP:COUP OFF",
        "CURR:PROT:DEL:STAR CCTR;STAR?;:FORM ASC;FORM?;FORM:BORD NORM;*PSC 0;*PSC?;*OPT?;:LXI:IDEN ON;IDEN?",
        "STAT:QUES2:COND?;ENAB 64;PTR 64;NTR 0;ENAB?;:STAT:OPER:NTR?",
        "OUTP:PROT:WDOG:DEL 2;:OUTP:PROT:WDOG ON;:OUTP:PROT:WDOG OFF;:OUTP:PROT:CLE;*SAV 0;*RCL 0",
    ),
    "keysight-34465a": (
        'FUNC "VOLT";FUNC?;:SENS:VOLT:DC:RANG 100;:VOLT:RANG:AUTO?;:VOLT:NPLC 1;:VOLT:DC:NPLC?',
        "VOLT:APER 0.1;APER:ENAB?;:VOLT:ZERO:AUTO OFF;:VOLT:IMP:AUTO ON;:VOLT:AC:BAND 20;BAND?",
        "VOLT:NULL ON;NULL:VAL 0.1;VAL?;VAL:AUTO?;:VOLT:NULL OFF;:CURR:NULL?;:RES:NULL?",
        "CALC:AVER ON;AVER:ALL?;CLE;:CALC:AVER OFF;:CALC:LIM:LOW 1;UPP 60;:CALC:LIM ON;:CALC:LIM:CLE;:CALC:LIM OFF",
        "SAMP:COUN 2;SOUR TIM;TIM 0.1;:TRIG:SOUR IMM;COUN 1;DEL 0;DEL:AUTO ON;:SAMP:TIM? MIN",
        "INIT;FETC?;:DATA:POIN?;:DATA:LAST?;:DATA:REM? 1;:R? 1;:READ?",
        "CONF:VOLT:DC 100,0.001;:CONF?;:MEAS:VOLT:DC? AUTO,DEF;:MEAS:CURR:DC? DEF,DEF;:MEAS:RES?;:MEAS:FRES? DEF,DEF",
        "UNIT:TEMP C;:TEMP:TRAN:TYPE FRTD;:DISP ON;:DISP:VIEW NUM;:DISP:TEXT 'on';:DISP:TEXT:CLE;:SYST:LAB 'V'",
        "FORM:DATA ASC;BORD NORM;:SYST:DATE 2026,11,24;DATE?;:SYST:TIME 12,30,15;TIME?;UPT?;TEMP?;LFR?;LIC:CAT?",
        "RES:OCOM ON;OCOM?;:FRES:POW:LIM OFF;:CURR:TERM 10;TERM?;:OUTP:TRIG:SLOP NEG;SLOP?;:CALC:SMO ON;SMO:RESP FAST",
        "FREQ:RANG:LOW 20;:FREQ:TIM:AUTO OFF;:FREQ:VOLT:RANG:AUTO ON;:TEST:ALL?;*PSC 1;*PSC?;:MEM:NST?",
        "SYST:COMM:LAN:IPAD?;SMAS?;DHCP?;:CAL:STR?;SEC:STAT?;:LXI:IDEN OFF;IDEN?",
        "ROUT:TERM?;*OPT?;:SYST:BEEP;BEEP:STAT OFF;:SYST:LOC;*SAV 4;*RCL 4;:CAL:COUN?",
    ),
    "keysight-daq970a": (
        "SYST:CTYP? 100;:SYST:CTYP? 200;:INST:DMM?;:INST:DMM:INST?",
        "CONF:VOLT:DC AUTO,DEF,(@101);:CONF:TEMP TC,K,(@102,103:105);:CONF:FREQ (@106);:CONF:DIOD (@107)",
        "SENS:VOLT:DC:NPLC 1,(@101);:VOLT:RES 0.001,(@101);:VOLT:RANG:AUTO ON,(@101);:ZERO:AUTO OFF,(@101)",
        "SENS:TEMP:TRAN:TYPE TC,(@102);:SENS:TEMP:TRAN:TC:TYPE K,(@102);:TEMP:RJUN:TYPE INT,(@102)",
        "UNIT:TEMP F,(@102);TEMP? (@102,103);:UNIT:TEMP C,(@102);:INP:IMP:AUTO ON,(@101)",
        "ROUT:CHAN:DEL 0.1,(@101);:ROUT:CHAN:DEL? (@101);:ROUT:CHAN:DEL:AUTO ON,(@101)",
        "CALC:SCAL:GAIN 2,(@101);OFFS 1,(@101);UNIT 'PSI',(@101);STAT OFF,(@101)",
        "CALC:LIM:UPP 10.25,(@101);UPP:STAT ON,(@101);:CALC:LIM:LOW:STAT? (@101)",
        "ROUT:SCAN (@101,103:105);:ROUT:SCAN?;:ROUT:SCAN:SIZE?;:TRIG:SOUR TIM;TIM 1;COUN 1;:TRIG:SOUR IMM;:READ?",
        "FORM:READ:CHAN ON;TIME ON;UNIT ON;ALAR ON;TIME:TYPE ABS",
        "ROUT:SCAN (@101);:READ?;:DATA:LAST? (@101);:SYST:TIME:SCAN?",
        "CALC:AVER:MIN? (@101);MAX? (@101);AVER? (@101);COUN? (@101);CLE (@101)",
        "ROUT:MON (@101);MON:STAT ON;DATA?;:ROUT:MON?",
        "ROUT:CLOS (@201,203);CLOS? (@201);OPEN (@201);DONE?;OPEN:ALL;:SYST:CPON ALL",
        "SOUR:DIG:DATA:BYTE 3,(@301);:SENS:DIG:DATA:BYTE? (@302);:CONF:DIG:DIR INP,(@301);:SOUR:VOLT 1,(@304)",
        "SYST:DATE 2026,11,24;DATE?;:SYST:TIME 0,0,0;TIME?;:DISP OFF;*SAV 5;*RCL 5",
        "CONF:VOLT:DC 1mV,0.00001,(@101,102,103);:VOLT:AC:BAND 20,(@101);BAND? (@101);:RES:OCOM ON,(@105)",
        "TEMP:TRAN:RTD:TYPE 85,(@110);RES 100,(@110);:TEMP:TRAN:THER:TYPE 5000,(@110);:TEMP:TRAN:TC:CHEC ON,(@110)",
        "TEMP:TRAN:TC:RJUN:TYPE INT,(@110);TYPE? (@110);:TEMP:RJUN? (@110);:VOLT:IMP:AUTO ON,(@101);AUTO? (@101)",
        "FREQ:RANG:LOW 20,(@101);:FREQ:VOLT:RANG:AUTO ON,(@101);:VOLT:APER:ENAB? (@101)",
        "ROUT:CHAN:LAB 'cell 1',(@101);LAB? (@101);FWIR OFF,(@101);FWIR? (@101);ADV:SOUR IMM;SOUR?",
        "OUTP:ALAR:MODE LATC;SLOP NEG;CLE:ALL;:OUTP:ALARm1:SOURce (@105, 106, 107);:STAT:ALAR:ENAB 1;ENAB?",
        "SENS:TOT:TYPE RRES,(@303);SLOP NEG,(@303);TYPE? (@303);THR:MODE TTL,(@303)",
    ),
}
ONE_BY_ONE = [(model, message) for model, said in SAID.items() for message in (*EVERY, *said)]


def awake(model: str) -> Instrument:
    """The instrument, EA's box in remote control."""
    made = MAKERS[model]()
    for message in ("SYST:LOCK ON", "*CLS"):
        made.execute(message)
    return made


@pytest.mark.parametrize(("model", "message"), ONE_BY_ONE)
def test_a_phrase_is_understood_and_every_question_in_it_answered(model: str, message: str) -> None:
    device = awake(model)
    reply = device.execute(message)
    assert errors(device) == []
    assert (reply or "").count(";") + bool(reply) == sum("?" in unit for unit in message.split(";"))


# ------------------------------------------------------------------------------------------------ *SAV and *RCL


@pytest.mark.parametrize(
    ("model", "setting", "query", "places"),
    [
        ("chroma-62050p-100-100", ("SOUR:VOLT 54", "SOUR:VOLT 10"), "SOUR:VOLT?", (1, 10)),
        ("chroma-63210a-150-1000", ("MODE CRH", "MODE CCL"), "MODE?", (1, 100)),
        ("itech-it6010c-80-300", ("CURR:LIM 54", "CURR:LIM 10"), "CURR:LIM?", (0, 9)),
        ("keysight-rp7935a", ("VOLT:PROT 57", "VOLT:PROT 80"), "VOLT:PROT?", (0, 9)),
        ("keysight-34465a", ("CONF:RES", "CONF:VOLT:AC 10"), "CONF?", (0, 4)),
        ("keysight-daq970a", ("CONF:RES (@105)", "CONF:VOLT:DC (@101)"), "ROUT:SCAN?", (0, 5)),
    ],
)
def test_a_place_keeps_settings_until_they_are_recalled(
    model: str, setting: tuple[str, str], query: str, places: tuple[int, int]
) -> None:
    device = awake(model)
    default = device.execute(query)
    device.execute(setting[0])
    kept = device.execute(query)
    device.execute(f"*SAV {places[1]}")
    device.execute(setting[1])
    assert device.execute(query) != kept
    device.execute(f"*RST;*RCL {places[1]}")
    assert device.execute(query) == kept
    device.execute(f"*RCL {places[0]}")
    assert device.execute(query) == default
    device.execute(f"*SAV {places[1] + 1};*RCL {places[0] - 1}")
    assert errors(device) == [-222, -222]


@pytest.mark.parametrize(
    ("model", "on", "query", "off"),
    [
        ("chroma-62050p-100-100", "CONF:OUTP ON", "CONF:OUTP?", "OFF"),
        ("chroma-63210a-150-1000", "LOAD ON", "LOAD?", "OFF"),
        ("itech-it6010c-80-300", "OUTP ON", "OUTP?", "0"),
        ("keysight-rp7935a", "OUTP ON", "OUTP?", "0"),
    ],
)
def test_recalling_leaves_the_output_off(model: str, on: str, query: str, off: str) -> None:
    device = awake(model)
    device.execute(f"{on};*SAV 1;*RCL 1")
    assert device.execute(query) == off


# ------------------------------------------------------------------------------------------------ status


@pytest.mark.parametrize("model", ["itech-it6010c-80-300", "keysight-rp7935a"])
def test_a_bit_can_leave_its_event_when_it_goes(model: str) -> None:
    device = awake(model)
    device.execute("STAT:QUES:PTR 0;NTR 2;ENAB 2")
    device.status.questionable.update(2)
    assert int(device.execute("*STB?") or "") & 8 == 0
    device.status.questionable.update(0)
    assert int(device.execute("*STB?") or "") & 8 == 8
    assert int(device.execute("STAT:QUES?") or "") == 2
    device.execute("STAT:PRES")
    assert [int(device.execute(f"STAT:QUES:{node}?") or "") for node in ("PTR", "NTR", "ENAB")] == [0x7FFF, 0, 0]


def test_the_second_questionable_register_counts_in_the_status_byte() -> None:
    device = awake("keysight-rp7935a")
    device.execute("STAT:QUES2:ENAB 64")
    device.status.questionable_more.update(64)
    assert int(device.execute("*STB?") or "") == 8
